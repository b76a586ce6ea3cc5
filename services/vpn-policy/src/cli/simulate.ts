import { closeSync, openSync, readSync } from 'node:fs';
import type { ContextLine } from '../simulate/simulate.ts';
import { type Simulation, simulatePolicy } from '../simulate/simulate-policy.ts';
import { readJson, UsageError } from './finish.ts';
import { contentOf } from './read-policy.ts';

type Options = { readonly dialect?: string; readonly against?: string; readonly json?: true };

/** `quell vpn simulate`: what a policy decides in many contexts, and where that is not what another one decides. */
export function simulateCommand(policy: string, contexts: string, options: Options) {
  const read = (file: string) => contentOf(readJson(file), options.dialect, file);
  const against = options.against === undefined ? undefined : read(options.against);
  const answer = simulatePolicy(read(policy), batchesOf(contexts), against);
  const exitCode = answer.failed > 0 ? 3 : answer.changed > 0 ? 1 : 0;
  if (options.json) return { text: JSON.stringify(answer, null, 2), exitCode };
  return { text: summary(answer), exitCode };
}

const PART_BYTES = 1024 * 1024;

/** The lines of a file, those of each part of it together: a file of any size is never held whole. */
function* batchesOf(file: string): Generator<ContextLine[]> {
  let descriptor: number;
  try {
    descriptor = file === '-' ? 0 : openSync(file, 'r');
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${(error as Error).message}`);
  }
  const decoder = new TextDecoder();
  const part = Buffer.alloc(PART_BYTES);
  let rest = '';
  let line = 0;
  for (let bytes = readPart(file, descriptor, part); bytes > 0; bytes = readPart(file, descriptor, part)) {
    const texts = (rest + decoder.decode(part.subarray(0, bytes), { stream: true })).split('\n');
    rest = texts.pop() ?? '';
    yield texts.map((text) => ({ line: ++line, text }));
  }
  rest += decoder.decode();
  if (rest !== '') yield [{ line: ++line, text: rest }];
  if (descriptor !== 0) closeSync(descriptor);
}

function readPart(file: string, descriptor: number, part: Buffer): number {
  for (;;) {
    try {
      return readSync(descriptor, part);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EOF') return 0;
      // A pipe that has nothing yet.
      if (code !== 'EAGAIN') throw new UsageError(`cannot read ${file}: ${(error as Error).message}`);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

function summary({ contexts, changed, failed, outcomes, wrong }: Simulation): string {
  return [
    `${contexts} contexts, ${changed} decided otherwise, ${failed} that do not fit`,
    ...outcomes.map(({ from, to, count, examples }) => {
      const what = from === null || from === to ? to : `${from} -> ${to}`;
      const shown = examples.map(({ line, context }) => `\n    line ${line}: ${JSON.stringify(context)}`);
      return `${String(count).padStart(9)}  ${what}${shown.join('')}`;
    }),
    ...wrong.map(({ line, pointer, detail }) => `line ${line}${pointer === undefined ? '' : ` ${pointer}`}: ${detail}`),
  ].join('\n');
}
