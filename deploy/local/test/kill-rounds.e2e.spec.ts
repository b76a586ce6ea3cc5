import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KillGround, parts } from './kill-round.ts';

/** `KILL_SEEDS=7-18` runs one round for each of these seeds instead; the seed draws part and moment. */
const seeds = /^(\d+)-(\d+)$/.exec(process.env.KILL_SEEDS ?? '');
const first = Number(seeds?.[1] ?? 0);
const rounds =
  seeds === null
    ? parts.map((part, index) => ({ seed: index + 1, part }))
    : Array.from({ length: Number(seeds[2]) - first + 1 }, (_, index) => {
        const seed = first + index;
        return { seed, part: parts[Math.floor(randomOf(seed * 7919)() * parts.length)] ?? 'mitigation' };
      });

let dir: string;
let ground: KillGround;

beforeAll(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'quell-kill-')));
  ground = new KillGround(dir);
  await ground.start();
}, 300_000);

afterAll(async () => {
  await ground.stop();
  await rm(dir, { recursive: true, force: true });
}, 120_000);

test.each(rounds)(
  'a walk in which $part is killed -9 ends as if nothing had happened (seed $seed)',
  async ({ seed, part }) => {
    await ground.round(`round-${seed}`, part, randomOf(seed));
  },
  600_000,
);

/** Mulberry32: the same numbers for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
