import { type Upcasters, upcast } from './upcast.ts';

const upcasters: Upcasters = {
  Opened: {
    1: (data) => ({ schemaVersion: 2, data: [data, 'one to two'] }),
    2: (data) => ({ schemaVersion: 4, data: [data, 'two to four'] }),
  },
  Stuck: { 1: (data) => ({ schemaVersion: 1, data }) },
  Falling: { 3: (data) => ({ schemaVersion: 2, data }) },
};

test('upcasters are chained until the newest version', () => {
  const event = { type: 'Opened', schemaVersion: 1, data: 'd', id: 'kept' };
  expect(upcast(event, upcasters)).toEqual({
    type: 'Opened',
    schemaVersion: 4,
    data: [['d', 'one to two'], 'two to four'],
    id: 'kept',
  });
});

test.each([
  ['its newest version', { type: 'Opened', schemaVersion: 4, data: {} }],
  ['a type without upcasters', { type: 'Closed', schemaVersion: 1, data: {} }],
  ['a type named like a property of every object', { type: 'constructor', schemaVersion: 1, data: {} }],
])('an event of %s is given back as it is', (_, event) => {
  expect(upcast(event, upcasters)).toBe(event);
});

test.each([
  ['Stuck', 1],
  ['Falling', 3],
])('the upcaster of %s, which does not raise the version, is refused', (type, schemaVersion) => {
  expect(() => upcast({ type, schemaVersion, data: {} }, upcasters)).toThrow(/does not raise the version/);
});
