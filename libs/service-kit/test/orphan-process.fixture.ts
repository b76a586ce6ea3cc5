import { processEnvironment } from '../src/config.ts';
import { createLog } from '../src/log.ts';
import { runProcess } from '../src/run.ts';

// A process that a test makes an orphan while it does what its argument says.
const log = createLog('orphan-process', 'info');
const never = new Promise<never>(() => {});
const doing = process.argv[2];

await runProcess('orphan-process', processEnvironment, async () => {
  log.info('started');
  if (doing === 'starting') await never;
  return { log, stop: () => (doing === 'stopping for ever' ? never : Promise.resolve()) };
});
