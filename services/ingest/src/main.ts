import { runProcess } from '@quell/service-kit/run';
import { startService } from '@quell/service-kit/start';
import { ingestService } from './ingest.service.ts';

await runProcess('ingest', ingestService.config, (environment) => startService(ingestService, environment));
