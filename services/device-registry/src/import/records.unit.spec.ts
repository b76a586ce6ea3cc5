import { Readable } from 'node:stream';
import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import { cellsOf } from './csv.ts';
import { type RecordLimits, recordsOf, type SourceRecord } from './records.ts';

const limits: RecordLimits = { recordBytes: 1000, recordLines: 20 };

/** The records of a text that arrives in pieces of `size` bytes. */
async function read(text: string, format: 'csv' | 'ndjson' = 'csv', size = 7, more = limits): Promise<SourceRecord[]> {
  const bytes = Buffer.from(text);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  const records: SourceRecord[] = [];
  for await (const found of recordsOf(Readable.from(pieces), format, more)) records.push(...found);
  return records;
}

const textsOf = (records: readonly SourceRecord[]) =>
  records.map((record) => ('text' in record ? record.text : `FAULT ${record.fault}`));

test('line ends, a byte order mark and blank lines are no part of a record, and lines are counted as an editor does', async () => {
  expect(await read('\ufeffid,label\r\n\r\nD1,x\n \nD2,y')).toEqual([
    { line: 1, text: 'id,label' },
    { line: 3, text: 'D1,x' },
    { line: 5, text: 'D2,y' },
  ]);
  expect(await read('\ufeff{"id":"D1"}\r\n\n{"id":"D2"}\n', 'ndjson')).toEqual([
    { line: 1, text: '{"id":"D1"}' },
    { line: 3, text: '{"id":"D2"}' },
  ]);
});

test('a record has the lines of its cells in quotation marks, with their own line ends', async () => {
  const records = await read('id,label\nD1,"two\r\nlines ""quoted""\n\n"\nD2,5" pipe\nD3,x\n');
  expect(records).toEqual([
    { line: 1, text: 'id,label' },
    { line: 2, text: 'D1,"two\r\nlines ""quoted""\n\n"' },
    { line: 6, text: 'D2,5" pipe' },
    { line: 7, text: 'D3,x' },
  ]);
});

test('a mark that nothing closes costs its own line only', async () => {
  const lines = ['id,label', 'D1,"open', ...Array.from({ length: 30 }, (_, n) => `E${n},x`)];
  const records = await read(lines.join('\n'));
  expect(records[1]).toEqual({ line: 2, fault: expect.stringContaining('no other one closes') });
  expect(textsOf(records.toSpliced(1, 1))).toEqual(lines.toSpliced(1, 1));
  // At the end of the file there is nothing more to wait for.
  expect(textsOf(await read('id,label\nD1,x\nD2,"open\nD3,y'))).toEqual([
    'id,label',
    'D1,x',
    expect.stringContaining('FAULT'),
    'D3,y',
  ]);
});

test('a mark that the next cell in marks would close costs its own line only', async () => {
  const lines = ['id,label', 'Q-1,"never closed', 'Q-2,fine', 'Q-3,fine', 'Q-4,"good, label"', 'Q-5,fine'];
  const records = await read(lines.join('\r\n'));
  expect(records[1]).toEqual({ line: 2, fault: expect.stringContaining('no other one closes') });
  expect(records.map(({ line }) => line)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(textsOf(records.toSpliced(1, 1))).toEqual(lines.toSpliced(1, 1));
});

test('marks that open cell after cell cost a file their lines, not the time of all', async () => {
  const lines = Array.from({ length: 20_000 }, () => 'a","');
  const records = await read(`id,label\n${lines.join('\n')}\nD1,x\n`, 'csv', 65_536, {
    recordBytes: 65_536,
    recordLines: 10_000,
  });
  expect(records.slice(0, 2)).toEqual([
    { line: 1, text: 'id,label' },
    { line: 2, fault: expect.any(String) },
  ]);
  expect(records).toHaveLength(20_002);
  expect(records.at(-1)).toEqual({ line: 20_002, text: 'D1,x' });
});

test('what is too long is refused with its line, and reading goes on behind it', async () => {
  const long = 'x'.repeat(2_000);
  const records = await read(`id,label\nD1,${long}\nD2,"open\n${long}\nD3,y\n`);
  expect(records.map(({ line }) => line)).toEqual([1, 2, 3, 4, 5]);
  expect(textsOf(records)).toEqual([
    'id,label',
    'FAULT the line is longer than 1000 bytes',
    expect.stringContaining('no other one closes'),
    'FAULT the line is longer than 1000 bytes',
    'D3,y',
  ]);
  expect(textsOf(await read(`{"id":"${long}"}\n{}`, 'ndjson'))).toEqual([
    'FAULT the line is longer than 1000 bytes',
    '{}',
  ]);
});

test('whatever csv-stringify writes is split into its records, and each is read as its cells', async () => {
  const cell = fc.string({ unit: fc.constantFrom('"', ',', ';', '\n', '\r', ' ', 'a', 'é', "'"), maxLength: 12 });
  const row = fc.tuple(cell, cell, cell);
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { minLength: 1 }),
      fc.constantFrom(',', ';', '\t'),
      fc.integer({ min: 1, max: 50 }),
      async (rows, delimiter, size) => {
        const header = ['a', 'b', 'c'].join(delimiter);
        const text = stringify(rows, { delimiter, quoted: true, quoted_empty: true });
        const records = textsOf(
          await read(`${header}\n${text}`, 'csv', size, { recordBytes: 10_000, recordLines: 100 }),
        );
        expect(records).toHaveLength(rows.length + 1);
        expect(cellsOf(records.slice(1), delimiter)).toEqual(rows);
      },
    ),
  );
});
