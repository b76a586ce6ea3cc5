import { versionsOf } from './etag.ts';
import { ProblemError } from './problem-error.ts';

test('If-Match allows the versions of its strong tags; weak ones and those of others allow none', () => {
  expect(versionsOf('"7", "2"')).toEqual([7, 2]);
  expect(versionsOf('W/"2"')).toEqual([]);
  expect(versionsOf('"x", "0", "3"')).toEqual([3]);
  expect([versionsOf(undefined), versionsOf(' * ')]).toEqual([undefined, undefined]);
});

test.each(['2', '"2', 'W/2', '"1", 2', '', '"1" "2"'])(
  '%j is no ETag, and the refusal says how one is written',
  (header) => {
    let thrown: unknown;
    try {
      versionsOf(header);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ProblemError);
    const { problem } = thrown as ProblemError;
    expect(problem.status).toBe(400);
    expect(problem.detail).toMatch(/in quotation marks.*"[12]"/);
  },
);
