import { taskRecordOf } from '@quell/contracts/task-record';
import { MAX_VALUE_BYTES, recordValue } from './record-value.ts';

const after = {
  kind: 'threat-mitigation' as const,
  threatKeys: ['sha256:aa'],
  status: 'all-threats-resolved',
  severity: 4 as const,
  endpoint: { endpointId: '0190d3f5-0000-7000-8000-000000000001', ips: [] },
  acknowledged: false,
  version: 4,
};
const taskId = '0190d3f5-0000-7000-8000-000000000002';
const path = `/srv/${'folder/'.repeat(20)}`;
const threats = Array.from({ length: 10_000 }, (_, index) => ({
  id: `threat-${index}`,
  name: 'EICAR',
  path: `${path}${index}`,
  outcome: 'resolved' as const,
}));
const backups = threats.map(({ id }) => ({ id: `backup-${id}`, threatId: id, kind: 'file' as const }));
const reported = (result: object) => ({ run: 1, attempt: 1, result: { outcome: 'finished', ...result } });

test('a record that fits says everything and omits nothing', () => {
  const data = reported({ threats: threats.slice(0, 10), backups: backups.slice(0, 10) });
  expect(JSON.parse(recordValue(taskId, data, after))).toEqual({ data, after });
});

test('a record that would be too large leaves out its largest lists, says which, and where they stand whole', () => {
  const data = reported({ threats, backups });
  const value = recordValue(taskId, data, after);
  expect(Buffer.byteLength(value)).toBeLessThanOrEqual(MAX_VALUE_BYTES);
  const record = JSON.parse(value);
  expect(record).toEqual({
    data: reported({ threats: [], backups }),
    after,
    omitted: ['/data/result/threats'],
    href: `/v1/tasks/${taskId}/history`,
  });
  expect(taskRecordOf('RunReported').safeParse(record).success).toBe(true);
});

test('as many lists are left out as it takes, those of the task after the event too', () => {
  const threatKeys = threats.map((threat) => `path:${threat.path}`);
  const record = JSON.parse(
    recordValue(taskId, reported({ threats, backups: threats.map((threat) => ({ ...threat, kind: 'file' })) }), {
      ...after,
      threatKeys,
    }),
  );
  expect(record.omitted).toEqual(['/after/threatKeys', '/data/result/backups', '/data/result/threats']);
  expect(record.after).toEqual({ ...after, threatKeys: [] });
  expect(record.data).toEqual(reported({ threats: [], backups: [] }));
});

test('bytes count, not characters', () => {
  const wide = threats.slice(0, 4000).map((threat) => ({ ...threat, path: 'ж'.repeat(120) }));
  expect(JSON.stringify(wide).length).toBeLessThan(MAX_VALUE_BYTES);
  expect(JSON.parse(recordValue(taskId, reported({ threats: wide }), after)).omitted).toEqual(['/data/result/threats']);
});

test('what has no list to leave out stays as it is: the broker refuses it and the relay parks its task', () => {
  const data = { run: 1, attempt: 1, pointer: '', detail: 'x'.repeat(MAX_VALUE_BYTES) };
  expect(JSON.parse(recordValue(taskId, data, after))).toEqual({ data, after });
});
