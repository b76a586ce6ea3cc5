import { eventually } from '@quell/testing/eventually';
import { openScene, reportOf, resolving, type Scene } from '../task-store/scene.fixture.ts';
import { replica } from './replica.fixture.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.close());

test('while check-ins have no connection left, results are taken, also one that came with a check-in', async () => {
  const [one, two] = [await scene.endpoint(), await scene.endpoint()];
  const checkInPool = scene.database.openPool(1);
  const { checkIn } = replica(scene, { checkInPool });
  const tasks = [await scene.detect(one), await scene.detect(two)] as const;
  const ids: string[][] = [];
  for (const endpoint of [one, two]) ids.push((await scene.askFor(endpoint))[0]!.payload.targets.map(({ id }) => id));

  const storm = await checkInPool.connect();
  const result = { type: 'result', data: resolving(ids[1]!) } as const;
  const event = { taskId: tasks[1], attempt: 1, ...reportOf(result) };
  const answered = checkIn(two, { events: [event] });
  expect(await scene.say(one, tasks[0], 1, { type: 'result', data: resolving(ids[0]!) })).toMatchObject([
    { code: 200 },
  ]);
  await eventually(async () => (await scene.task(tasks[1])).status.code === 'all-threats-resolved');
  storm.release();
  expect(await answered).toMatchObject({ outcomes: [{ code: 200 }], tasks: [] });
});
