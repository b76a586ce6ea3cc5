import { NotFoundException } from '@nestjs/common';
import { problem } from '@quell/contracts/problem';
import { z } from 'zod';
import { refusal } from './problem-error.ts';
import { problemOfError } from './problem-of-error.ts';

const withStatus = (statusCode: number, message = 'as it came') => Object.assign(new Error(message), { statusCode });

test('a refusal of our own is answered as it was thrown', () => {
  const thrown = refusal('stale-attempt', 'Attempt 2 took over.', { headers: { 'x-a': 'b' } });
  expect(problemOfError(thrown)).toEqual({
    problem: {
      type: 'urn:quell:problem:stale-attempt',
      title: 'A newer attempt took over',
      status: 409,
      detail: 'Attempt 2 took over.',
    },
    headers: { 'x-a': 'b' },
    unexpected: false,
  });
});

test('statuses of Nest and Fastify keep their number, their text and the type that fits', () => {
  expect(problemOfError(new NotFoundException('no such path')).problem).toMatchObject({
    status: 404,
    detail: 'no such path',
  });
  for (const [status, type] of [
    [413, 'urn:quell:problem:payload-too-large'],
    [415, 'urn:quell:problem:unsupported-media-type'],
    [429, 'urn:quell:problem:too-many-requests'],
    [431, 'about:blank'],
  ] as const) {
    expect(problemOfError(withStatus(status)).problem).toMatchObject({ status, type, detail: 'as it came' });
  }
});

test('schema issues become pointers', () => {
  const { error } = z.object({ 'a/b': z.array(z.int()) }).safeParse({ 'a/b': [1, 'x'] });
  expect(problemOfError(error).problem).toMatchObject({ status: 400, errors: [{ pointer: '/a~1b/1' }] });
});

test('a fault of ours tells nothing of itself, and a lost database says to come again', () => {
  for (const fault of [
    new Error('password is hunter2'),
    withStatus(500, 'hunter2'),
    'hunter2',
    null,
    withStatus(200),
  ]) {
    const answer = problemOfError(fault);
    expect(answer).toMatchObject({ unexpected: true, problem: { status: 500 } });
    expect(JSON.stringify(answer)).not.toContain('hunter2');
  }
  for (const code of ['ECONNREFUSED', '57P01', '08006', '53300', '40P01', '55P03']) {
    const lost = problemOfError(Object.assign(new Error('x'), { code }));
    expect(lost).toMatchObject({ problem: { status: 503 }, headers: { 'retry-after': '2' } });
  }
});

test('every answer is a problem by its schema', () => {
  for (const thrown of [withStatus(418), withStatus(503), new Error('x'), refusal('gone', 'x')]) {
    expect(problem.safeParse(problemOfError(thrown).problem).success).toBe(true);
  }
});
