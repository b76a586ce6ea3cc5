import http from 'node:http';
import { normalisedDetection } from '@quell/contracts/detection';
import { detectionIdOf } from '@quell/contracts/detection-identity';
import { eventually } from '@quell/testing/eventually';
import fc from 'fast-check';
import { intakeLimits } from '../src/intake/limits.ts';
import { type DetectionsLog, watchDetections } from './detections-log.ts';
import { adminKey, startIngest, type TestIngest } from './stack.ts';

let ingest: TestIngest;
let log: DetectionsLog;
let sources = 0;

beforeAll(async () => {
  ingest = await startIngest();
  log = await watchDetections();
});
afterAll(async () => {
  await log?.stop();
  await ingest?.stop();
});

const newSource = () => `edr-${process.pid}-${Date.now()}-${sources++}`;

const detection = (source: string, sourceId: string, more: object = {}) => ({
  source,
  sourceId,
  detectedAt: '2026-01-02T03:04:05.678+02:00',
  severity: 4,
  endpoint: { hostname: 'Desk-7.example.' },
  threat: { name: 'EICAR-Test-File', kind: 'file', path: '/home/a/eicar.com' },
  ...more,
});

test('one detection is on Kafka, whole, when the answer says 202', async () => {
  const source = newSource();
  const answer = await ingest.post(detection(source, '1', { raw: { any: ['thing'] } }));
  expect({ status: answer.status, body: answer.json }).toEqual({
    status: 202,
    body: { accepted: 1, duplicates: 0, rejected: [], detectionIds: [detectionIdOf(source, '1')] },
  });
  const [record, ...others] = await log.of(source);
  expect(others).toEqual([]);
  expect(record?.detection).toMatchObject({ ...detection(source, '1'), raw: { any: ['thing'] }, activity: 'create' });
  expect(record?.key).toBe('desk-7.example');
  expect(record?.headers).toMatchObject({
    ce_specversion: '1.0',
    ce_id: record?.detection.eventId,
    'content-type': 'application/json',
  });
});

test('each bad item of a list has its own index, pointer and reason, and the good ones are taken', async () => {
  const source = newSource();
  const items = [
    detection(source, '1'),
    detection(source, '2', { severity: 7 }),
    detection(source, '3', { threat: { name: '', sha256: 'abc' } }),
    'no object',
    detection(source, '4', { detectedAt: new Date(Date.now() + 25 * 3600 * 1000).toISOString() }),
    detection(source, '1'),
    detection(source, '5', { detectedAt: new Date(Date.now() + 23 * 3600 * 1000).toISOString() }),
  ];
  const { status, json } = await ingest.post(items);
  expect(status).toBe(202);
  expect(json).toMatchObject({
    accepted: 2,
    duplicates: 1,
    detectionIds: [detectionIdOf(source, '1'), detectionIdOf(source, '5')],
  });
  expect(json.rejected).toMatchObject([
    { index: 1, pointer: '/severity', type: 'urn:quell:problem:unprocessable', detail: expect.any(String) },
    { index: 2, pointer: '/threat/name', errors: [{ pointer: '/threat/name' }, { pointer: '/threat/sha256' }] },
    { index: 3, pointer: '' },
    { index: 4, pointer: '/detectedAt' },
  ]);
  expect((await log.of(source)).map(({ detection: { sourceId } }) => sourceId).sort()).toEqual(['1', '5']);
});

test('when no item is good the answer is a 422 problem with a pointer into the body', async () => {
  const source = newSource();
  const one = await ingest.post(detection(source, '1', { severity: 'high' }));
  expect(one.status).toBe(422);
  expect(one.headers.get('content-type')).toContain('application/problem+json');
  expect(one.json).toMatchObject({ accepted: 0, rejected: [{ index: 0 }], errors: [{ pointer: '/severity' }] });
  const list = await ingest.post([detection(source, '1', { endpoint: { ips: ['10.0.0.300'] } })]);
  expect(list.json.errors).toMatchObject([{ pointer: '/0/endpoint/ips/0' }]);
  expect(await log.of(source)).toEqual([]);
});

test('an empty list is no error and changes nothing; a body that is no JSON is a 400', async () => {
  expect((await ingest.post([])).json).toEqual({ accepted: 0, duplicates: 0, rejected: [], detectionIds: [] });
  for (const body of ['', '{"source":', '[1,2']) expect((await ingest.post(body)).status).toBe(400);
  expect((await ingest.post(`${'['.repeat(500_000)}${']'.repeat(500_000)}`)).status).toBe(422);
});

test('other content of the same source and id is another event of the same detection', async () => {
  const source = newSource();
  const { json } = await ingest.post([detection(source, '1'), detection(source, '1', { severity: 5 })]);
  expect(json).toMatchObject({ accepted: 2, duplicates: 0 });
  expect(json.detectionIds[0]).toBe(json.detectionIds[1]);
  const [first, second] = await log.of(source);
  expect(first?.detection.eventId).not.toBe(second?.detection.eventId);
});

test('only a credential with detections:write may hand in', async () => {
  const keyWith = async (scopes: string[]) => {
    const body = JSON.stringify({ name: 'edr', scopes });
    const headers = { 'content-type': 'application/json' };
    return (await ingest.call('/v1/api-keys', { method: 'POST', body, headers })).json.secret;
  };
  const send = (key: string) =>
    ingest.call('/v1/detections', {
      method: 'POST',
      key,
      body: JSON.stringify(detection(newSource(), '1')),
      headers: { 'content-type': 'application/json' },
    });
  expect((await send('')).status).toBe(401);
  expect((await send(await keyWith(['tasks:read']))).status).toBe(403);
  expect((await send(await keyWith(['detections:write']))).status).toBe(202);
});

test('a body of another type, encoding, format or size is refused with the cure', async () => {
  const body = detection(newSource(), '1');
  expect((await ingest.post(body, 'text/xml')).json).toMatchObject({ status: 415, detail: /x-ndjson/ });
  const gzip = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
  const encoded = await ingest.call('/v1/detections', { method: 'POST', body: 'xx', headers: gzip });
  expect(encoded.status).toBe(415);
  const format = await ingest.call('/v1/detections?format=leef', {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
  expect(format.json).toMatchObject({ status: 400, errors: [{ pointer: '/format' }] });
  expect((await ingest.post(Array.from({ length: 10_001 }, () => 1))).json).toMatchObject({
    status: 413,
    detail: /x-ndjson/,
  });
  expect((await ingest.post(`"${'x'.repeat(17 * 1024 * 1024)}"`)).status).toBe(413);
  expect((await ingest.post({ ...body, raw: 'x'.repeat(950_000) })).status).toBe(413);
  let deep: unknown = 1;
  for (let level = 0; level < 65; level++) deep = [deep];
  expect((await ingest.post({ ...body, raw: deep })).json).toMatchObject({
    status: 422,
    errors: [{ pointer: '/raw' }],
  });
  expect((await ingest.call('/v1/detections')).status).toBe(405);
});

test('for any mix of good, repeated and bad items, each is counted once and exactly the accepted ones are on Kafka', async () => {
  const item = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('good' as const), id: fc.nat(8), severity: fc.nat(6) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('bad' as const), value: fc.jsonValue({ maxDepth: 2 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('broken' as const), id: fc.nat(8) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(item, { maxLength: 40 }), fc.boolean(), async (items, asLines) => {
      const source = newSource();
      const body = items.map((one) => {
        if (one.kind === 'bad') return one.value;
        const good = detection(source, String(one.id), one.kind === 'good' ? { severity: one.severity } : {});
        return one.kind === 'good' ? good : { ...good, threat: { name: 'x', kind: 'virus' } };
      });
      const answer = asLines
        ? await ingest.post(body.map((one) => `${JSON.stringify(one)}\n`).join(''), 'application/x-ndjson')
        : await ingest.post(body);
      const { accepted, duplicates, rejected, detectionIds } = answer.json;
      expect(accepted + duplicates + rejected.length).toBe(items.length);
      const bad = items.flatMap(({ kind }, index) => (kind === 'good' ? [] : [index]));
      expect(rejected.map(({ index }: { index: number }) => index)).toEqual(bad);
      expect(answer.status).toBe(accepted + duplicates > 0 || items.length === 0 ? 202 : 422);

      const distinct = new Map<string, string>();
      for (const one of items) if (one.kind === 'good') distinct.set(`${one.id}/${one.severity}`, String(one.id));
      const onKafka = await log.of(source);
      const contents = onKafka.map(({ detection: { sourceId, severity } }) => `${sourceId}/${severity}`);
      expect(contents).toEqual([...distinct.keys()]);
      expect(detectionIds).toEqual([...distinct.values()].map((id) => detectionIdOf(source, id)));
      for (const { detection: found } of onKafka) expect(normalisedDetection.safeParse(found).success).toBe(true);
    }),
    { numRuns: 40 },
  );
});

test('up to 10,000 lines have one answer, which names the line of each bad one', async () => {
  const source = newSource();
  const lines = [
    JSON.stringify(detection(source, '1')),
    '',
    '{"half":',
    `${JSON.stringify(detection(source, '2'))}\r`,
    JSON.stringify(detection(source, '3', { raw: 'x'.repeat(1024 * 1024) })),
    JSON.stringify(detection(source, '4')),
  ];
  const { status, json } = await ingest.post(lines.join('\n'), 'application/x-ndjson; charset=utf-8');
  expect(status).toBe(202);
  expect(json).toMatchObject({ accepted: 3, duplicates: 0 });
  expect(json.rejected).toMatchObject([
    { index: 1, line: 3, type: 'urn:quell:problem:invalid-request' },
    { index: 3, line: 5, type: 'urn:quell:problem:payload-too-large' },
  ]);
  expect((await log.of(source)).map(({ detection: { sourceId } }) => sourceId)).toEqual(['1', '2', '4']);
});

test('more lines have an answer that streams one report per durable chunk, without a gap', async () => {
  const source = newSource();
  const lines = Array.from({ length: 12_345 }, (_, index) =>
    index % 1000 === 7 ? 'no json' : JSON.stringify(detection(source, String(index % 12_000))),
  );
  const answer = await ingest.post(lines.join('\n'), 'application/x-ndjson');
  expect(answer.status).toBe(202);
  expect(answer.headers.get('content-type')).toBe('application/x-ndjson');
  const reports = answer.text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  let nextLine = 1;
  for (const { fromLine, toLine, accepted, duplicates, rejected } of reports) {
    expect(fromLine).toBe(nextLine);
    expect(accepted + duplicates + rejected.length).toBe(toLine - fromLine + 1);
    nextLine = toLine + 1;
  }
  expect(nextLine).toBe(12_346);
  const sum = (member: string) => reports.reduce((total, report) => total + report[member], 0);
  expect(reports.flatMap(({ rejected }) => rejected.map(({ line }: { line: number }) => line))).toEqual(
    Array.from({ length: 13 }, (_, thousand) => thousand * 1000 + 8),
  );
  // Of the last 345 lines one is broken and 344 repeat earlier ones, but for the one whose first showing was broken.
  expect(sum('duplicates')).toBe(344);
  expect(await log.of(source)).toHaveLength(sum('accepted'));
});

test('callers that leave in mid-request do not use up the requests of lines that may be open', async () => {
  const source = newSource();
  const leave = async () => {
    const request = http.request(`${ingest.service.url}/v1/detections`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/x-ndjson' },
    });
    request.on('error', () => {});
    await new Promise((resolve) => request.write(`${JSON.stringify(detection(source, '1'))}\n`, resolve));
    const closed = new Promise((resolve) => request.on('close', resolve));
    request.destroy();
    await closed;
  };
  for (let round = 0; round < intakeLimits.streams + 1; round++) await leave();
  await eventually(async () => (await ingest.post(detection(source, '2'), 'application/x-ndjson')).status === 202);
});
