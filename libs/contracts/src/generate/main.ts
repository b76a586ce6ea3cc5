import { parseArgs } from 'node:util';
import { documents, eventSchemas } from './documents.ts';
import { differences, release, writeDocuments } from './published.ts';

const { values } = parseArgs({ options: { check: { type: 'boolean' }, release: { type: 'boolean' } } });

if (values.check === true) {
  const wrong = differences(documents());
  for (const line of wrong) console.error(`docs/api/${line}`);
  if (wrong.length > 0) {
    console.error('Run "npm run generate" and commit docs/api.');
    process.exitCode = 1;
  }
} else {
  writeDocuments(documents());
  if (values.release === true) release(eventSchemas());
}
