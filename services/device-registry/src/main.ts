import { runProcess } from '@quell/service-kit/run';
import { startService } from '@quell/service-kit/start';
import { deviceRegistryService } from './device-registry.service.ts';
import { deviceRegistryEnvironment } from './device-registry-environment.ts';

await runProcess('device-registry', deviceRegistryEnvironment, (environment) =>
  startService(deviceRegistryService, environment),
);
