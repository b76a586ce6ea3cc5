import { runProcess } from '@quell/service-kit/run';
import { startService } from '@quell/service-kit/start';
import { searchOnly } from './search-only.fixture.ts';

// A replica as a process of its own, to be killed.
await runProcess('device-registry', searchOnly.config, (environment) => startService(searchOnly, environment));
