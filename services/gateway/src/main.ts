import { runProcess } from '@quell/service-kit/run';
import { startGateway } from './gateway.ts';
import { gatewayEnvironment } from './gateway-environment.ts';

await runProcess('gateway', gatewayEnvironment, startGateway);
