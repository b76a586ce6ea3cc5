import { eventually } from '@quell/testing/eventually';
import { openScene, type Scene } from '../task-store/scene.fixture.ts';
import { defaultPolicy, effectivePolicy } from './policy.ts';
import { PolicyStore } from './policy-store.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
});
beforeEach(() => scene.rows('DELETE FROM mitigation.mitigation_policy'));
afterAll(() => scene.close());

const store = () => new PolicyStore(scene.pool, defaultPolicy({ queueSeconds: 7 }));
const assessFirst = { ...defaultPolicy(), cleanup: 'assess-first' as const };

test("until somebody sets a policy it is the installation's, with its clocks", async () => {
  expect(await store().document()).toEqual(defaultPolicy({ queueSeconds: 7 }));
  expect(await store().current()).toMatchObject({ assessFirst: false, clocks: { queueSeconds: 7, leaseSeconds: 90 } });
});

test('who replaces it reads what was written; another replica follows soon, and its next start too', async () => {
  const [here, there] = [store(), store()];
  expect((await there.current()).assessFirst).toBe(false);
  await here.replace(assessFirst);
  expect(await here.document()).toEqual(assessFirst);
  expect(await store().document()).toEqual(assessFirst);
  await eventually(async () => (await there.current()).assessFirst);
});

test('two who replace it at the same time leave one of the two, whole', async () => {
  const documents = [1, 2, 3].map((reopenAfter) => ({ ...defaultPolicy(), reopenAfter }));
  await Promise.all(documents.map((document) => store().replace(document)));
  expect(documents).toContainEqual(await store().document());
  const [{ version }] = await scene.rows('SELECT version FROM mitigation.mitigation_policy');
  expect(version).toBe(3);
});

test('a read that failed is not remembered', async () => {
  const policies = store();
  await scene.rows('ALTER TABLE mitigation.mitigation_policy RENAME TO hidden');
  await expect(policies.document()).rejects.toThrow('does not exist');
  await scene.rows('ALTER TABLE mitigation.hidden RENAME TO mitigation_policy');
  expect(await policies.document()).toEqual(defaultPolicy({ queueSeconds: 7 }));
});

test('severity 99 as the least severity means all, as in a detection it means none', () => {
  expect(effectivePolicy({ ...defaultPolicy(), openTaskFrom: { minSeverity: 99 } }).minSeverity).toBe(0);
});
