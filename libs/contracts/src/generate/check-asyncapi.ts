import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Parser } from '@asyncapi/parser';

const file = fileURLToPath(new URL('../../../../docs/api/asyncapi.json', import.meta.url));
const diagnostics = await new Parser().validate(readFileSync(file, 'utf8'));

// Severity 0 is an error, 1 a warning; hints and information are matters of taste.
const faults = diagnostics.filter(({ severity }) => severity <= 1);
for (const { path, message } of faults) console.error(`docs/api/asyncapi.json /${path.join('/')}: ${message}`);
if (faults.length > 0) process.exitCode = 1;
