import { runProcess } from '@quell/service-kit/run';
import { startService } from '@quell/service-kit/start';
import { vpnPolicyService } from './vpn-policy.service.ts';
import { vpnPolicyEnvironment } from './vpn-policy-environment.ts';

await runProcess('vpn-policy', vpnPolicyEnvironment, (environment) => startService(vpnPolicyService, environment));
