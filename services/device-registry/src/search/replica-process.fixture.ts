import { runProcess } from '@quell/service-kit/run';
import { startService } from '@quell/service-kit/start';
import { searchOnly } from './search-only.fixture.ts';

// A replica as a process of its own, to be killed.
const search = searchOnly();
await runProcess('device-registry', search.config, (environment) => startService(search, environment));
