import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The ways to run a server of our own. */
export type Way = 'docker' | 'local';

/**
 * How a server of this data directory was run at its first start: its data lives there, so a Docker engine that comes or goes
 * later must not make it start empty.
 */
export async function keptChoice(dataDir: string, server: string): Promise<Way | undefined> {
  const text = await readFile(choiceFile(dataDir, server), 'utf8').catch(() => '');
  const way = text.trim();
  return way === 'docker' || way === 'local' ? way : undefined;
}

/** Remembers the choice for the next starts. */
export async function keepChoice(dataDir: string, server: string, way: Way): Promise<void> {
  await writeFile(choiceFile(dataDir, server), `${way}\n`);
}

function choiceFile(dataDir: string, server: string): string {
  return join(dataDir, `${server}.runs-in`);
}
