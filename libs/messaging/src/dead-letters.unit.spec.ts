import fc from 'fast-check';
import type { Batch, BatchContext, BrokerMessage, OutgoingMessage } from './broker.ts';
import { type DeadLetterOptions, type FailureKind, type Slice, withDeadLetters } from './dead-letters.ts';

/** Fails a transaction in a certain way. */
class Failure extends Error {
  readonly kind: FailureKind;
  constructor(kind: FailureKind, message: string = kind) {
    super(message);
    this.kind = kind;
  }
}

const topic = 'tasks.v1';
const now = new Date('2026-01-02T03:04:05.006Z');

/** A handler's database: transactions are all or nothing, the inbox moves by compare-and-set. */
class Store {
  nextOffset = 0n;
  readonly handled: bigint[] = [];
  readonly dead: { offset: bigint; kind: string; reason: string }[] = [];
  readonly parked = new Set<string>();
  readonly published: OutgoingMessage[] = [];
  readonly transactions: Slice<string>[] = [];
  fail: (slice: Slice<string>) => void = () => undefined;

  readonly options: DeadLetterOptions<string> = {
    service: 'test',
    decode: ({ value }) => (value?.toString() === 'garbage' ? { reason: 'not JSON' } : { value: String(value) }),
    classify: (error) => (error instanceof Failure ? error.kind : 'content'),
    parkedKeys: async (_topic, keys) => keys.filter((key) => this.parked.has(key)),
    publish: async (records) => void this.published.push(...records),
    now: () => now,
    apply: async (slice) => {
      this.transactions.push(slice);
      this.fail(slice);
      for (const { value } of slice.items) if (value === 'poison') throw new Failure('content', 'bad content');
      if (slice.from !== this.nextOffset) throw new Failure('fenced');
      this.nextOffset = slice.nextOffset;
      this.handled.push(...slice.items.map(({ message }) => message.offset));
      for (const { message, kind, reason } of slice.deadLetters) {
        this.dead.push({ offset: message.offset, kind, reason });
        if (message.key !== null) this.parked.add(message.key);
      }
    },
  };
}

function batchOf(entries: readonly [key: string | null, value: string][], from = 0n): Batch {
  const messages = entries.map(
    ([key, value], index): BrokerMessage => ({
      topic,
      partition: 3,
      offset: from + BigInt(index),
      key,
      value: Buffer.from(value),
      headers: {},
      timestamp: now,
    }),
  );
  return { topic, partition: 3, from, messages, highWatermark: from + BigInt(entries.length) };
}

function context(signal = new AbortController().signal): BatchContext {
  return { signal, heartbeat: async () => undefined, isStale: () => signal.aborted };
}

const good = (count: number): [string, string][] => Array.from({ length: count }, (_, index) => [`k${index}`, 'ok']);

test('a batch without trouble is one transaction from the stored offset to behind its last message', async () => {
  const store = new Store();
  store.nextOffset = 5n;
  const batch = { ...batchOf(good(4), 7n), from: 5n };
  await expect(withDeadLetters(store.options)(batch, context())).resolves.toEqual({ nextOffset: 11n });
  expect(store.transactions).toHaveLength(1);
  expect(store.transactions[0]).toMatchObject({ topic, partition: 3, from: 5n, nextOffset: 11n, deadLetters: [] });
});

test('one poisonous message among many becomes a dead letter in few transactions, the others are handled', async () => {
  const store = new Store();
  const entries = good(512);
  entries[300] = ['p', 'poison'];
  await expect(withDeadLetters(store.options)(batchOf(entries), context())).resolves.toEqual({ nextOffset: 512n });
  expect(store.handled).toHaveLength(511);
  expect(store.dead).toEqual([{ offset: 300n, kind: 'failed', reason: 'Error: bad content' }]);
  expect(store.transactions.length).toBeLessThanOrEqual(2 * Math.log2(512) + 2);
});

test('an undecodable message costs no extra transaction', async () => {
  const store = new Store();
  const entries = good(10);
  entries[4] = ['g', 'garbage'];
  await withDeadLetters(store.options)(batchOf(entries), context());
  expect(store.transactions).toHaveLength(1);
  expect(store.dead).toEqual([{ offset: 4n, kind: 'undecodable', reason: 'not JSON' }]);
});

test('the record is on the dead-letter topic before the transaction, once however often the slice is tried', async () => {
  const store = new Store();
  let conflicts = 2;
  store.fail = (slice) => {
    expect(store.published).toHaveLength(slice.deadLetters.length);
    if (conflicts-- > 0) throw new Failure('conflict');
  };
  await withDeadLetters(store.options)(batchOf([['g', 'garbage']]), context());
  expect(store.published.map(({ key, headers }) => [key, headers?.dl_id])).toEqual([['g', `test:${topic}:3:0`]]);
  expect(store.dead).toHaveLength(1);
});

test('later messages of a dead key follow it, other keys and messages without a key do not', async () => {
  const store = new Store();
  const entries: [string | null, string][] = [
    ['a', 'ok'],
    ['b', 'poison'],
    ['a', 'ok'],
    ['b', 'ok'],
    [null, 'garbage'],
    [null, 'ok'],
  ];
  await withDeadLetters(store.options)(batchOf(entries), context());
  await withDeadLetters(store.options)(
    batchOf(
      [
        ['b', 'ok'],
        ['a', 'ok'],
      ],
      6n,
    ),
    context(),
  );
  expect(store.handled).toEqual([0n, 2n, 5n, 7n]);
  expect(store.dead.map(({ offset, kind }) => [offset, kind])).toEqual([
    [1n, 'failed'],
    [3n, 'parked'],
    [4n, 'undecodable'],
    [6n, 'parked'],
  ]);
  store.parked.delete('b');
  await withDeadLetters(store.options)(batchOf([['b', 'ok']], 8n), context());
  expect(store.handled.at(-1)).toBe(8n);
});

test('without parking only the poisonous message itself dies', async () => {
  const store = new Store();
  const { parkedKeys: _, ...never } = store.options;
  const entries: [string, string][] = [
    ['b', 'poison'],
    ['b', 'ok'],
    ['b', 'garbage'],
    ['b', 'ok'],
  ];
  await withDeadLetters(never)(batchOf(entries), context());
  expect(store.handled).toEqual([1n, 3n]);
  expect(store.dead.map(({ offset }) => offset)).toEqual([0n, 2n]);
});

test('a transient failure is thrown for the consumer to wait, and leaves no dead letter', async () => {
  const store = new Store();
  store.fail = () => {
    throw new Failure('transient');
  };
  await expect(withDeadLetters(store.options)(batchOf(good(8)), context())).rejects.toThrow('transient');
  expect(store.transactions).toHaveLength(1);
  expect(store.published).toEqual([]);
});

test('a timeout halves first, and waits only when a single message times out', async () => {
  const slow = new Store();
  slow.fail = ({ items }) => {
    if (items.length > 2) throw new Failure('timeout');
  };
  await expect(withDeadLetters(slow.options)(batchOf(good(8)), context())).resolves.toEqual({ nextOffset: 8n });
  const stuck = new Store();
  stuck.fail = () => {
    throw new Failure('timeout');
  };
  await expect(withDeadLetters(stuck.options)(batchOf(good(8)), context())).rejects.toThrow('timeout');
  expect(stuck.transactions.map(({ items }) => items.length)).toEqual([8, 4, 2, 1]);
  expect(stuck.dead).toEqual([]);
});

test('a conflict is tried three times, then halved, and a single message waits', async () => {
  const store = new Store();
  store.fail = () => {
    throw new Failure('conflict');
  };
  await expect(withDeadLetters(store.options)(batchOf(good(2)), context())).rejects.toThrow('conflict');
  expect(store.transactions.map(({ items }) => items.length)).toEqual([2, 2, 2, 1, 1, 1]);
});

test('what is done when the outside goes away is reported, so that only the rest comes again', async () => {
  const store = new Store();
  store.fail = ({ from, items }) => {
    if (items.length > 4) throw new Failure('timeout');
    if (from >= 4n) throw new Failure('transient');
  };
  const handle = withDeadLetters(store.options);
  await expect(handle(batchOf(good(8)), context())).resolves.toEqual({ nextOffset: 4n });
  await expect(handle(batchOf(good(4), 4n), context())).rejects.toThrow('transient');
});

test('a member that lost its compare-and-set gives up and writes nothing', async () => {
  const store = new Store();
  store.nextOffset = 99n;
  await expect(withDeadLetters(store.options)(batchOf(good(3)), context())).rejects.toThrow('fenced');
  expect(store.transactions).toHaveLength(1);
  expect(store.handled).toEqual([]);
});

test('an aborted handler stops between transactions and reports how far it came', async () => {
  const store = new Store();
  const controller = new AbortController();
  store.fail = ({ items }) => {
    if (items.length > 2) throw new Failure('timeout');
    controller.abort();
  };
  const result = await withDeadLetters(store.options)(batchOf(good(8)), context(controller.signal));
  expect(result).toEqual({ nextOffset: 2n });
});

test('a dead letter that cannot be stored is not dropped: the failure is thrown', async () => {
  const store = new Store();
  store.fail = ({ deadLetters }) => {
    if (deadLetters.length > 0) throw new Failure('content');
  };
  await expect(withDeadLetters(store.options)(batchOf([['p', 'poison']]), context())).rejects.toThrow('content');
  expect(store.nextOffset).toBe(0n);
});

test('law: whatever fails when, each message is handled once in order or dead, and no dead key is overtaken', async () => {
  const entry = fc.tuple(
    fc.option(fc.constantFrom('a', 'b', 'c'), { freq: 6 }),
    fc.constantFrom('ok', 'ok', 'ok', 'poison', 'garbage'),
  );
  const mishap = fc.option(fc.constantFrom<FailureKind>('transient', 'timeout', 'conflict'), { freq: 2 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(entry, { minLength: 1, maxLength: 40 }),
      fc.array(mishap, { maxLength: 30 }),
      async (entries, mishaps) => {
        const store = new Store();
        store.fail = () => {
          const kind = mishaps.shift();
          if (kind) throw new Failure(kind);
        };
        const handle = withDeadLetters(store.options);
        const end = BigInt(entries.length);
        for (let rounds = 0; store.nextOffset < end; rounds++) {
          expect(rounds).toBeLessThan(100);
          const from = store.nextOffset;
          const rest = { ...batchOf(entries.slice(Number(from)), from), from };
          const result = await handle(rest, context()).catch(() => ({ nextOffset: store.nextOffset }));
          expect(result.nextOffset).toBe(store.nextOffset);
        }
        const expectedDead = new Set<bigint>();
        const deadKeys = new Set<string>();
        for (const [index, [key, value]] of entries.entries()) {
          if (value === 'ok' && !(key !== null && deadKeys.has(key))) continue;
          expectedDead.add(BigInt(index));
          if (key !== null) deadKeys.add(key);
        }
        const dead = store.dead.map(({ offset }) => offset);
        expect(new Set(dead)).toEqual(expectedDead);
        expect(dead).toHaveLength(expectedDead.size);
        expect(store.handled).toEqual(
          entries.map((_, index) => BigInt(index)).filter((offset) => !expectedDead.has(offset)),
        );
        expect(new Set(store.published.map(({ headers }) => headers?.dl_offset))).toEqual(
          new Set([...expectedDead].map(String)),
        );
      },
    ),
    { numRuns: 300 },
  );
});
