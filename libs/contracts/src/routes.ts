import { administrationRoutes } from './routes/administration.ts';
import { agentRoutes } from './routes/agents.ts';
import { campaignRoutes } from './routes/campaigns.ts';
import { detectionRoutes } from './routes/detections.ts';
import { deviceJobRoutes } from './routes/device-jobs.ts';
import { deviceSearchRoutes } from './routes/device-search.ts';
import { deviceRoutes } from './routes/devices.ts';
import { exceptionRoutes } from './routes/exceptions.ts';
import type { Route } from './routes/route.ts';
import { taskRoutes } from './routes/tasks.ts';
import { vpnRoutes } from './routes/vpn.ts';
import { vpnDecisionRoutes } from './routes/vpn-decisions.ts';
import { vpnFormatRoutes } from './routes/vpn-formats.ts';
import { vpnPolicyRoutes } from './routes/vpn-policies.ts';
import { postureRoutes } from './routes/vpn-posture.ts';
import { vpnWhatIfRoutes } from './routes/vpn-what-if.ts';

/** Every call that Quell answers, in the order of the documents. */
export const routes: readonly Route[] = [
  ...detectionRoutes,
  ...taskRoutes,
  ...campaignRoutes,
  ...exceptionRoutes,
  ...agentRoutes,
  ...deviceRoutes,
  ...deviceSearchRoutes,
  ...deviceJobRoutes,
  ...vpnRoutes,
  ...vpnFormatRoutes,
  ...vpnPolicyRoutes,
  ...vpnDecisionRoutes,
  ...vpnWhatIfRoutes,
  ...postureRoutes,
  ...administrationRoutes,
];
