import type { DetectionDto } from '@quell/contracts/detection-api';
import { detectionListQuery } from '@quell/contracts/detection-api';
import { detectionOn, openScene, type Scene } from '../task-store/scene.fixture.ts';
import { findDetection, listDetections } from './list-detections.ts';

let scene: Scene;
let taskId: string;
const received = (second: number) => `2026-11-23T10:00:${String(second).padStart(2, '0')}.000Z`;
beforeAll(async () => {
  scene = await openScene();
  const endpoint = await scene.endpoint();
  taskId = await scene.detect(endpoint);
  // Several came at the same time: what a cursor has to tell apart.
  const more = Array.from({ length: 24 }, (_, index) => ({
    ...detectionOn(index % 4 === 0 ? { hint: { hostname: 'nobody' } } : endpoint, {
      source: index % 2 ? 'edr' : 'ids',
    }),
    receivedAt: received(Math.floor(index / 5)),
  }));
  await scene.take(more);
});
afterAll(() => scene.close());

const list = (filters: object = {}) =>
  listDetections(scene.database.dataSource, detectionListQuery.parse({ limit: 500, ...filters }));

test('the pages together are the whole list, once each, the last received first', async () => {
  const all = (await list()).items;
  expect(all).toHaveLength(25);
  const times = all.map(({ receivedAt }) => receivedAt);
  expect(times).toEqual([...times].sort().reverse());
  const walked: DetectionDto[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await list({ limit: 2, ...(cursor === undefined ? {} : { cursor }) });
    walked.push(...page.items);
    cursor = page.nextCursor;
    if (cursor === undefined) break;
  }
  expect(walked).toEqual(all);
});

test.each([
  ['disposition', { disposition: 'unresolved' }, (one: DetectionDto) => one.disposition === 'unresolved'],
  ['dispositions', { disposition: ['unresolved', 'task'] }, () => true],
  ['source', { source: 'ids' }, ({ source }: DetectionDto) => source === 'ids'],
  ['since', { since: received(2) }, ({ receivedAt }: DetectionDto) => receivedAt >= received(2)],
])('filter by %s', async (_, filter, passes) => {
  const all = (await list()).items;
  const expected = all.filter(passes);
  expect((await list(filter)).items).toEqual(expected);
  expect(expected.length).toBeGreaterThan(0);
});

test('the detections of a task are those that it counts', async () => {
  const { items } = await list({ taskId });
  const { detections } = await scene.task(taskId);
  expect(items.map(({ id }) => id).sort()).toEqual([...detections.ids].sort());
  expect(items).toHaveLength(detections.count);
});

test('one detection shows where it went; one that never came shows nothing', async () => {
  const [id] = (await scene.task(taskId)).detections.ids;
  expect(await findDetection(scene.database.dataSource, id!)).toMatchObject({ disposition: 'task', taskId });
  expect(await findDetection(scene.database.dataSource, '00000000-0000-4000-8000-000000000000')).toBeUndefined();
});
