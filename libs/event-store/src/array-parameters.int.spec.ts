import fc from 'fast-check';
import { int2Array, int4Array, textArray, timestampArray, utf8ByteaArray, uuidArray } from './array-parameters.ts';
import { type FreshStore, freshStore } from './fresh-store.fixture.ts';

let store: FreshStore;
beforeAll(async () => {
  store = await freshStore();
});
afterAll(() => store.close());

async function roundTrip(type: string, parameter: Buffer): Promise<unknown> {
  const { rows } = await store.pool.query(`SELECT $1::${type}[] AS value`, [parameter]);
  return rows[0].value;
}

const list = <T>(arbitrary: fc.Arbitrary<T>) => fc.array(arbitrary, { minLength: 1, maxLength: 20 });
const text = fc.string({ unit: 'binary', maxLength: 40 }).map((value) => value.replaceAll('\0', '').toWellFormed());
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const runs = { numRuns: 60 };

test('Postgres reads back every list of UUIDs', async () => {
  const law = fc.asyncProperty(list(optional(fc.uuid())), async (values) => {
    expect(await roundTrip('uuid', uuidArray(values, 'id'))).toEqual(values.map((value) => value ?? null));
  });
  await fc.assert(law, runs);
});

test('Postgres reads back every list of texts, as text and as bytea', async () => {
  const law = fc.asyncProperty(list(optional(text)), async (values) => {
    expect(await roundTrip('text', textArray(values))).toEqual(values.map((value) => value ?? null));
    const present = values.map((value) => value ?? '');
    expect(await roundTrip('bytea', utf8ByteaArray(present))).toEqual(present.map((value) => Buffer.from(value)));
  });
  await fc.assert(law, runs);
});

test('Postgres reads back every list of numbers and times', async () => {
  const dates = fc.date({
    min: new Date('0001-01-02T00:00:00Z'),
    max: new Date('9999-12-30T00:00:00Z'),
    noInvalidDate: true,
  });
  const law = fc.asyncProperty(
    list(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
    list(fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 })),
    list(dates),
    async (large, small, times) => {
      expect(await roundTrip('int4', int4Array(large))).toEqual(large);
      expect(await roundTrip('int2', int2Array(small))).toEqual(small);
      const epochs = await store.pool.query(
        'SELECT array_agg(extract(epoch FROM t) * 1000 ORDER BY place)::float8[] AS value FROM unnest($1::timestamptz[]) WITH ORDINALITY AS e(t, place)',
        [timestampArray(times)],
      );
      expect(epochs.rows[0].value).toEqual(times.map((time) => time.getTime()));
    },
  );
  await fc.assert(law, runs);
});

test.each([
  '',
  'not a uuid',
  '018f0e4e-7c1a-7b3e-9d52-0123456789AB',
  '018f0e4e7c1a7b3e9d520123456789ab',
  '018f0e4e-7c1a-7b3e-9d52-0123456789a€',
])('%j is refused as a UUID, by the name of its field', (value) => {
  expect(() => uuidArray([value], 'correlationId')).toThrow(/^correlationId must be a lower-case UUID/);
});
