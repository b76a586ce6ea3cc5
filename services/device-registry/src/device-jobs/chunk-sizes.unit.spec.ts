import fc from 'fast-check';
import { ChunkSizes } from './chunk-sizes.ts';

const job = 'job';

/** The size after many chunks of which each device takes so many milliseconds. */
function settled(perDevice: number, sizes = new ChunkSizes()): number {
  for (let n = 0; n < 50; n++) {
    const size = sizes.next(job, 0);
    sizes.took(job, size, size * perDevice);
  }
  return sizes.next(job, 0);
}

test('chunks grow and shrink to what goes through in a tenth of a second, within bounds', () => {
  expect(settled(1)).toBe(100);
  expect(settled(2)).toBe(50);
  expect(settled(0.01)).toBe(250);
  expect(settled(1_000)).toBe(10);
  const sizes = new ChunkSizes();
  settled(0.5, sizes);
  expect(settled(4, sizes)).toBe(25);
});

test('a chunk that failed is tried with half of it, down to one device', () => {
  const sizes = new ChunkSizes();
  const first = sizes.next(job, 0);
  expect([1, 2, 40].map((tries) => sizes.next(job, tries))).toEqual([first / 2, first / 4, 1]);
});

test('a job leaves others a share of the time, however long its chunks take', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 60_000 }), (count, milliseconds) => {
      expect(new ChunkSizes().took(job, count, milliseconds)).toBe(milliseconds / 4);
    }),
  );
});
