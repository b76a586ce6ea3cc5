/** The real launcher over services that do nothing. */
import { fileURLToPath } from 'node:url';
import { runCommand } from '../src/command.ts';

const program = { main: fileURLToPath(new URL('fixture-service.ts', import.meta.url)), decorators: false };

await runCommand({
  backends: [
    { ...program, name: 'ingest', role: 'ingest', keepsKeys: true },
    { ...program, name: 'mitigation', role: 'mitigation', keepsKeys: false },
  ],
  gateway: { ...program, name: 'gateway' },
});
