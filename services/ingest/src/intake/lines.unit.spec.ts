import fc from 'fast-check';
import { chunksOfLines, type LineChunk } from './lines.ts';

async function* inPieces(text: Buffer, cuts: readonly number[]): AsyncGenerator<Buffer> {
  let from = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    yield text.subarray(from, Math.min(cut, text.length));
    from = Math.min(cut, text.length);
  }
  yield text.subarray(from);
}

async function read(text: string, cuts: readonly number[], limits = { chunk: 3, lineBytes: 60 }): Promise<LineChunk[]> {
  const chunks: LineChunk[] = [];
  for await (const chunk of chunksOfLines(inPieces(Buffer.from(text), cuts), limits)) chunks.push(chunk);
  return chunks;
}

const line = fc.oneof(
  fc.json({ maxDepth: 1 }),
  fc.constantFrom('', ' ', '\r', '{"half":', '"naïve ☃ 𝄞"', `"${'x'.repeat(80)}"`),
);

test('however the network cuts the body, the items are the same, numbered without a gap', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { maxLength: 12 }),
      fc.array(fc.nat(400)),
      fc.boolean(),
      async (lines, cuts, last) => {
        const text = lines.join('\n') + (last ? '\n' : '');
        const chunks = await read(text, cuts);
        expect(chunks).toEqual(await read(text, []));
        const items = chunks.flatMap((chunk) => chunk.items);
        const filled = lines.flatMap((content, at) => (content.trim() === '' ? [] : [{ content, line: at + 1 }]));
        expect(items.map((item) => [item.index, item.line])).toEqual(filled.map((one, index) => [index, one.line]));
        for (const [index, { content }] of filled.entries()) {
          const item = items[index];
          if (Buffer.byteLength(content) > 60) expect(item).toMatchObject({ fault: { type: 'payload-too-large' } });
          else if (content === '{"half":') expect(item).toMatchObject({ fault: { type: 'invalid-request' } });
          else expect(item).toMatchObject({ value: JSON.parse(content) });
        }
      },
    ),
  );
});

test('chunks hold at most the items allowed and name their lines without a gap', async () => {
  const chunks = await read('1\n\n2\n3\n4\n\n5\n', []);
  expect(chunks.map(({ fromLine, toLine, items }) => [fromLine, toLine, items.length])).toEqual([
    [1, 4, 3],
    [5, 7, 2],
  ]);
});

test('a line without an end costs no memory beyond its limit', async () => {
  let passed = 0;
  async function* endless(): AsyncGenerator<Buffer> {
    for (; passed < 1000; passed++) yield Buffer.alloc(1000, 'x');
    yield Buffer.from('\n7');
  }
  const items = [];
  for await (const chunk of chunksOfLines(endless(), { chunk: 10, lineBytes: 60 })) items.push(...chunk.items);
  expect(items).toMatchObject([
    { line: 1, fault: { type: 'payload-too-large' } },
    { line: 2, value: 7 },
  ]);
});
