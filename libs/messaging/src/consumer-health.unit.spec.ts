import { type ConsumerState, consumerHealth, type PartitionProgress } from './consumer-health.ts';

const partition = (progress: Partial<PartitionProgress> = {}): PartitionProgress => ({
  topic: 't',
  partition: 0,
  nextOffset: 10n,
  high: 10n,
  sinceMs: 0,
  held: false,
  lastFailure: undefined,
  ...progress,
});
const running = (...partitions: PartitionProgress[]): ConsumerState => ({
  group: 'g',
  phase: { kind: 'running' },
  sinceMs: 100_000,
  partitions,
});
const at = (seconds: number, state: ConsumerState) => consumerHealth(state, seconds * 1000, 60);

test('a consumer with nothing to do is live however long that lasts', () => {
  expect(at(150, running(partition()))).toMatchObject({ live: true, ready: true });
});

test('messages that wait are no trouble until the stall time has passed', () => {
  const waiting = running(partition({ high: 12n, sinceMs: 50_000 }));
  expect(at(110, waiting)).toMatchObject({ live: true, partitions: [{ lag: 2n }] });
  expect(at(111, waiting)).toMatchObject({
    live: false,
    reason: 't[0] made no progress for 61 s, it stands at offset 10',
  });
});

test('one partition that stands still is enough, and the reason says what failed last', () => {
  const state = running(partition({ partition: 1 }), partition({ high: 11n, lastFailure: 'no such table' }));
  expect(at(101, state).reason).toBe('t[0] made no progress for 101 s, it stands at offset 10: no such table');
});

test('a partition paused by its user may stand still', () => {
  expect(at(101, running(partition({ high: 99n, held: true })))).toMatchObject({ live: true });
});

test('a partition whose stored offset cannot be read counts as standing still', () => {
  const state = running(partition({ nextOffset: undefined, lastFailure: 'the database is away' }));
  expect(at(60, state)).toMatchObject({ live: true });
  expect(at(61, state).reason).toBe(
    't[0] made no progress for 61 s, its stored offset is not known: the database is away',
  );
});

test('a broker that has not answered for long is a reason, for a group not joined too', () => {
  expect(at(160, running())).toMatchObject({ live: true });
  expect(at(161, running()).reason).toBe('the broker has not answered for 61 s');
  const joining: ConsumerState = { ...running(), phase: { kind: 'joining', lastFailure: 'ECONNREFUSED' } };
  expect(at(160, joining)).toMatchObject({ live: true, ready: false });
  expect(at(161, joining).reason).toBe('the group was not joined for 61 s: ECONNREFUSED');
});

test('a dead or stopped consumer is not live, at once', () => {
  const dead: ConsumerState = { ...running(), phase: { kind: 'dead', reason: 'the consumer died: x' } };
  expect(at(100, dead)).toMatchObject({ live: false, ready: false, reason: 'the consumer died: x' });
  expect(at(100, { ...running(), phase: { kind: 'stopped' } })).toMatchObject({ live: false, reason: 'stopped' });
});
