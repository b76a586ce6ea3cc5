import { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { answerLines } from './bulk.ts';

const line = `${JSON.stringify({ payload: { OnDemandEnabled: 0 }, context: {} })}\n`;
const keep = () => undefined;
const LINES_A_PART = 500;

test('nothing is read on while the answer is not read, and afterwards every line has its answer', async () => {
  let parts = 0;
  async function* body(): AsyncGenerator<Buffer> {
    for (; parts < 100; parts++) yield Buffer.from(line.repeat(LINES_A_PART));
  }
  const out = new PassThrough();
  const done = answerLines(body(), out, { trace: false, keep, stopping: () => false }).then(() => out.end());
  while (!out.writableNeedDrain) await setImmediate();
  const stuckAt = parts;
  for (let turn = 0; turn < 100; turn++) await setImmediate();
  expect(parts).toBe(stuckAt);
  expect(parts).toBeLessThan(100);

  const text = Buffer.concat(await out.toArray()).toString();
  await done;
  const numbers = text
    .trimEnd()
    .split('\n')
    .map((answer) => JSON.parse(answer).line);
  expect(numbers).toEqual(Array.from({ length: 100 * LINES_A_PART }, (_, index) => index + 1));
});

test('a service that stops says from which line to send again', async () => {
  let answered = 0;
  async function* body(): AsyncGenerator<Buffer> {
    yield Buffer.from(line.repeat(3));
  }
  const out = new PassThrough();
  await answerLines(body(), out, { trace: false, keep, stopping: () => answered++ >= 2 });
  out.end();
  const lines = Buffer.concat(await out.toArray())
    .toString()
    .trimEnd()
    .split('\n');
  expect(lines).toHaveLength(3);
  expect(JSON.parse(lines[2]!)).toMatchObject({ line: 3, problem: { status: 503 } });
});

test('a line that is too long is a problem of its own', async () => {
  async function* body(): AsyncGenerator<Buffer> {
    for (let part = 0; part < 20; part++) yield Buffer.alloc(100_000, 'x');
    yield Buffer.from(`\n${line}`);
  }
  const out = new PassThrough();
  await answerLines(body(), out, { trace: false, keep, stopping: () => false });
  out.end();
  const lines = Buffer.concat(await out.toArray())
    .toString()
    .trimEnd()
    .split('\n');
  expect(JSON.parse(lines[0]!)).toMatchObject({ line: 1, problem: { status: 413 } });
  expect(JSON.parse(lines[1]!)).toMatchObject({ line: 2, answer: { decision: 'disabled' } });
});
