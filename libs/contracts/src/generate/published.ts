import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { JsonSchema } from './json-schema.ts';

/** Where the documents are kept in git. */
const apiFolder = fileURLToPath(new URL('../../../../docs/api', import.meta.url));
const generatedFolders = ['', 'schemas'];
const releasedFolder = join(apiFolder, 'released');

/** What differs between the documents in git and `documents`: one line each, empty when all is current. */
export function differences(documents: ReadonlyMap<string, string>): string[] {
  const wrong = [...documents].flatMap(([path, text]) => {
    const file = join(apiFolder, path);
    if (!existsSync(file)) return [`${path} is missing`];
    return readFileSync(file, 'utf8') === text ? [] : [`${path} is out of date`];
  });
  return [...wrong, ...leftovers(documents).map((path) => `${path} is no longer generated`)];
}

/** Makes the documents in git equal to `documents`. */
export function writeDocuments(documents: ReadonlyMap<string, string>): void {
  for (const path of leftovers(documents)) rmSync(join(apiFolder, path));
  for (const [path, text] of documents) write(join(apiFolder, path), text);
}

/** The schemas that users may already have stored: those of the last release, by name. */
export function releasedSchemas(): Map<string, JsonSchema> {
  return new Map(
    jsonFiles(releasedFolder).map((name) => [
      name.slice(0, -'.json'.length),
      JSON.parse(readFileSync(join(releasedFolder, name), 'utf8')) as JsonSchema,
    ]),
  );
}

/** Makes these schemas the ones that later changes are held against. */
export function release(schemas: Readonly<Record<string, JsonSchema>>): void {
  for (const [name, schema] of Object.entries(schemas)) {
    write(join(releasedFolder, `${name}.json`), `${JSON.stringify(schema, null, 2)}\n`);
  }
}

function leftovers(documents: ReadonlyMap<string, string>): string[] {
  return generatedFolders
    .flatMap((folder) => jsonFiles(join(apiFolder, folder)).map((name) => (folder === '' ? name : `${folder}/${name}`)))
    .filter((path) => !documents.has(path));
}

function jsonFiles(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
