import { ProblemError } from '@quell/service-kit/problem-error';
import { delimiterOf, headerOf } from './header.ts';
import { readLines } from './read-lines.ts';

const csv = (header: string, ...rows: string[]) =>
  readLines(
    rows.map((text, index) => ({ line: index + 2, text })),
    { format: 'csv', unknown: 'refuse', header: headerOf(header, delimiterOf(header), 'refuse') },
  );

const ndjson = (values: readonly unknown[], unknown: 'refuse' | 'ignore' = 'refuse') =>
  readLines(
    values.map((value, index) => ({
      line: index + 1,
      text: typeof value === 'string' ? value : JSON.stringify(value),
    })),
    { format: 'ndjson', unknown },
  );

function refusedHeader(header: string): string[] {
  try {
    headerOf(header, delimiterOf(header), 'refuse');
  } catch (error) {
    return (error as ProblemError).problem.errors!.map(({ detail }) => detail);
  }
  return [];
}

test('a line gives what its columns have: an absent column nothing, an empty cell that it is cleared', () => {
  expect(csv('ID, Label,group,tags,capabilities', 'D1,,,,', 'D2," Lobby ",North,floor 3;new,relay dimming')).toEqual([
    { line: 2, id: 'D1', facts: { label: '', group: null, tags: [], capabilities: [] } },
    {
      line: 3,
      id: 'D2',
      facts: { label: ' Lobby ', group: 'North', tags: ['floor 3', 'new'], capabilities: ['relay', 'dimming'] },
    },
  ]);
  expect(
    ndjson([
      { id: 'D1', label: null, platform: null, ips: null },
      { id: 'D2', model: 'nPP16 D' },
    ]),
  ).toEqual([
    { line: 1, id: 'D1', facts: { label: '', platform: null, ips: [] } },
    { line: 2, id: 'D2', facts: { model: 'nPP16 D' } },
  ]);
});

test('cells may be separated by semicolons or tabs, and rows without any text are left out', () => {
  expect(csv('id;tags', 'D1;"a;b"', ';', 'D2;c')).toMatchObject([
    { line: 2, facts: { tags: ['a', 'b'] } },
    { line: 4, facts: { tags: ['c'] } },
  ]);
  expect(csv('id\tlabel', 'D1\tx, y')).toMatchObject([{ id: 'D1', facts: { label: 'x, y' } }]);
});

test('a cell that was guarded against formulas is what it was', () => {
  expect(csv('id,label', "'-77,'=1+1", "D2,'t Hoen")).toMatchObject([
    { id: '-77', facts: { label: '=1+1' } },
    { id: 'D2', facts: { label: "'t Hoen" } },
  ]);
});

test('the header names every column that is unknown, twice or missing', () => {
  expect(refusedHeader('id,Label,colour,label,size')).toEqual([
    expect.stringMatching(/^there is no column "colour"; the columns are id, model, label/),
    'the column "label" is there twice',
    expect.stringMatching(/"size"/),
  ]);
  expect(refusedHeader('label,group')).toEqual(['there is no column "id", by which devices are known again']);
  expect(headerOf('id,colour,label', ',', 'ignore').columns).toEqual(['id', null, 'label']);
});

test('a wrong line names its line, its device and the place of each fault, and the lines around it are read', () => {
  const lines = csv(
    'id,ips,platform',
    'D1,192.0.2.1,linux',
    'D2,192.0.2.300 10.0.0.1,amiga',
    ',10.0.0.1,linux',
    'D4,10.0.0.4',
    'D5,"x"y,z',
    'D6,,',
  );
  expect(lines[1]).toEqual({
    line: 3,
    failures: [
      { line: 3, id: 'D2', column: 'ips', detail: '"192.0.2.300" is no IP address' },
      { line: 3, id: 'D2', column: 'platform', detail: expect.stringMatching(/^"amiga" .*"windows"/) },
    ],
  });
  expect(lines[2]).toEqual({
    line: 4,
    failures: [{ line: 4, column: 'id', detail: 'needs an id: a device is known again by it' }],
  });
  expect(lines[3]).toEqual({ line: 5, failures: [{ line: 5, detail: 'has 2 cells where the header has 3' }] });
  expect(lines[4]).toEqual({
    line: 6,
    failures: [{ line: 6, detail: expect.stringContaining('quotation mark stands inside') }],
  });
  expect([lines[0], lines[5]]).toMatchObject([{ id: 'D1' }, { id: 'D6' }]);

  const members = ndjson(['{"id":', '[]', { id: 'D3', colour: 'red' }, { id: 'D4', tags: ['ok', ''] }, { id: 'D5' }]);
  expect(members.flatMap((line) => ('failures' in line ? line.failures : []))).toEqual([
    { line: 1, detail: expect.stringMatching(/^is not JSON: /) },
    { line: 2, detail: 'is not a JSON object' },
    { line: 3, id: 'D3', pointer: '/colour', detail: 'there is no member "colour"' },
    { line: 4, id: 'D4', pointer: '/tags/1', detail: expect.any(String) },
  ]);
  expect(ndjson([{ id: 'D3', colour: 'red' }], 'ignore')).toEqual([{ line: 1, id: 'D3', facts: {} }]);
});

test('a record of several lines that has another number of cells names all of its lines', () => {
  expect(csv('id,label', 'D1,"open\nD2,x\nD3,",x')).toEqual([
    {
      line: 2,
      failures: [
        {
          line: 2,
          detail:
            'has 3 cells where the header has 2; lines 2 to 4 were read as one record, because a cell in quotation marks goes on over line ends',
        },
      ],
    },
  ]);
});

test('of a line that is wrong everywhere the first faults are told', () => {
  const [line] = ndjson([{ id: 'D1', ips: Array.from({ length: 60 }, () => 'x') }]);
  expect('failures' in line! && line.failures.length).toBe(10);
});

test('what a refusal says of a line can be stored, whatever the line held', () => {
  const [line] = ndjson(['{"id":"a\\u0000\\ud800","label":"\\ud800"}']);
  const text = JSON.stringify(line);
  expect(text).toContain('well-formed Unicode');
  expect(text).not.toMatch(/\\u0000|\\ud800/);
});
