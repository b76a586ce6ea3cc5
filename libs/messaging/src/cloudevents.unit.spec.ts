import fc from 'fast-check';
import { type CloudEvent, cloudEventHeaders, cloudEventOf } from './cloudevents.ts';

const text = fc.string({ minLength: 1 });
const cloudEvent: fc.Arbitrary<CloudEvent> = fc.record(
  {
    id: text,
    source: text,
    type: text,
    time: fc.date({ noInvalidDate: true, min: new Date('0001-01-01'), max: new Date('9999-12-31') }),
    subject: text,
    dataschema: text,
    datacontenttype: text,
    extensions: fc.dictionary(fc.stringMatching(/^x[a-z0-9]{1,18}$/), fc.string(), { minKeys: 1 }),
  },
  { requiredKeys: ['id', 'source', 'type', 'datacontenttype'] },
);

test('what was encoded decodes to the same event', () => {
  fc.assert(
    fc.property(cloudEvent, (event) => {
      expect(cloudEventOf(cloudEventHeaders(event))).toEqual({ event });
    }),
  );
});

test('the headers are those of the binary content mode', () => {
  const event = {
    id: 'e-1',
    source: '/quell/mitigation',
    type: 'dev.quell.task.opened',
    time: new Date('2026-01-02T03:04:05.006Z'),
    extensions: { correlationid: 'c-1', traceparent: '00-ab-cd-01' },
  };
  expect(cloudEventHeaders(event)).toEqual({
    ce_specversion: '1.0',
    ce_id: 'e-1',
    ce_source: '/quell/mitigation',
    ce_type: 'dev.quell.task.opened',
    ce_time: '2026-01-02T03:04:05.006Z',
    ce_correlationid: 'c-1',
    ce_traceparent: '00-ab-cd-01',
    'content-type': 'application/json',
  });
});

test('headers that are not attributes are not part of the event', () => {
  const headers = { ...cloudEventHeaders({ id: 'i', source: 's', type: 't' }), 'x-other': 'y' };
  expect(cloudEventOf(headers)).toEqual({
    event: { id: 'i', source: 's', type: 't', datacontenttype: 'application/json' },
  });
});

test.each([
  ['ce_specversion', undefined, 'no ce_specversion header'],
  ['ce_specversion', '2.0', 'CloudEvents 2.0 is not supported'],
  ['ce_id', '', 'no ce_id header'],
  ['ce_source', undefined, 'no ce_source header'],
  ['ce_type', undefined, 'no ce_type header'],
  ['ce_time', 'yesterday', 'ce_time is not a time'],
])('a record whose %s is %p is refused: %s', (name, value, reason) => {
  const { [name]: _, ...others } = cloudEventHeaders({ id: 'i', source: 's', type: 't' });
  expect(cloudEventOf(value === undefined ? others : { ...others, [name]: value })).toEqual({ reason });
});

test.each(['id', 'Trace', 'a-b', ''])('%p is not taken as the name of an extension', (name) => {
  const event = { id: 'i', source: 's', type: 't', extensions: { [name]: 'v' } };
  expect(() => cloudEventHeaders(event)).toThrow('not a CloudEvents extension name');
});
