import { normaliseNative } from './native.ts';

const receivedAt = new Date('2026-11-23T10:00:00Z');
const detection = {
  source: 'edr',
  sourceId: 'alert-1',
  detectedAt: '2026-11-23T09:59:59Z',
  severity: 4,
  endpoint: { hostname: 'desk-7' },
  threat: { name: 'EICAR', path: '/srv/ann/eicar.com' },
};

test('a detection is taken as it came, with its ids', () => {
  expect(normaliseNative(detection, receivedAt)).toMatchObject({
    kind: 'detection',
    detection: { ...detection, activity: 'create', receivedAt: receivedAt.toISOString() },
  });
});

test.each([
  ['/source', { source: 'a\u0000' }],
  ['/sourceId', { sourceId: '\u0000' }],
  ['/detectedAt', { detectedAt: '0000-06-01T00:00:00Z' }],
  ['/detectedAt', { detectedAt: '2026-11-23T09:59:59+23:00' }],
  ['/detectedAt', { detectedAt: '2026-11-24T10:00:01Z' }],
  ['/endpoint/hostname', { endpoint: { hostname: 'a\ud800' } }],
  ['/threat/name', { threat: { name: '\udc00' } }],
  ['/threat/path', { threat: { name: 'x', path: '/a\u0000' } }],
])('what could not be stored later is refused at once, at %s', (pointer, change) => {
  expect(normaliseNative({ ...detection, ...change }, receivedAt)).toMatchObject({
    kind: 'refused',
    errors: [{ pointer }],
  });
});

test('what stands in `raw` is the business of its source', () => {
  const raw = { 'a\u0000': '\ud800' };
  expect(normaliseNative({ ...detection, raw }, receivedAt).kind).toBe('detection');
});
