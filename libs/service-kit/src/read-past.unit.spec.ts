import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { readPast } from './read-past.ts';

function* endless(): Generator<Buffer> {
  for (;;) yield Buffer.alloc(64 * 1024);
}

test('what is left of a body is read to its end', async () => {
  const body = Readable.from(['a', 'b', 'c'], { objectMode: false });
  await new Promise<void>((resolve) => readPast(body, resolve));
  expect([body.readableEnded, body.errored]).toEqual([true, null]);
});

test('of one that was read already, or failed, there is nothing left', async () => {
  const body = Readable.from(['a'], { objectMode: false });
  await body.toArray();
  await new Promise<void>((resolve) => readPast(body, resolve));
  const failed = new PassThrough();
  failed.destroy(new Error('the caller left'));
  await once(failed, 'error');
  await new Promise<void>((resolve) => readPast(failed, resolve));
});

test('one that has no end is cut after so many bytes', async () => {
  const body = Readable.from(endless(), { objectMode: false });
  await new Promise<void>((resolve) => readPast(body, resolve, { seconds: 3600, bytes: 1024 * 1024 }));
  expect([body.destroyed, body.readableEnded]).toEqual([true, false]);
});

test('one that is not sent on is cut after a time', async () => {
  const body = new PassThrough();
  await new Promise<void>((resolve) => readPast(body, resolve, { seconds: 0.01, bytes: 1024 }));
  expect(body.destroyed).toBe(true);
});
