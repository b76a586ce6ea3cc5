import { runProcess } from '@quell/service-kit/run';
import { startService } from '@quell/service-kit/start';
import { mitigationService } from './mitigation.service.ts';
import { mitigationEnvironment } from './mitigation-environment.ts';

await runProcess('mitigation', mitigationEnvironment, (environment) => startService(mitigationService, environment));
