import { runProcess } from '@quell/service-kit/run';
import { startService } from '@quell/service-kit/start';
import { mitigationEnvironment, mitigationService } from './mitigation.service.ts';

await runProcess('mitigation', mitigationEnvironment, (environment) => startService(mitigationService, environment));
