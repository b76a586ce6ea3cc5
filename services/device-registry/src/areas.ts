import { openAgents } from './agents/agents.area.ts';
import type { OpenArea } from './area.ts';
import { openDeviceJobs } from './device-jobs/device-jobs.area.ts';
import { openDevices } from './devices/devices.area.ts';
import { openMetrics } from './metrics/metrics.area.ts';
import { openRelay } from './relay/relay.area.ts';
import { openSearch } from './search/search.area.ts';

/** Every area, in the order in which they start. */
export const areas: readonly OpenArea[] = [openDevices, openAgents, openDeviceJobs, openRelay, openSearch, openMetrics];
