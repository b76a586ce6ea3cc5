import { PassThrough, type Readable } from 'node:stream';
import { writeOut } from '@quell/service-kit/lines';
import { refusal, unavailable } from '@quell/service-kit/problem-error';
import { problemOfError } from '@quell/service-kit/problem-of-error';
import type { FastifyReply } from 'fastify';
import { answerOf, refusalOf } from './answer.ts';
import { type IntakeContext, joined, type Session } from './intake.ts';
import { chunksOfLines, type LineChunk } from './lines.ts';
import type { Intake } from './receive.ts';

interface Taken {
  readonly chunk: LineChunk;
  readonly intake: Intake;
}

/**
 * Answers a request of lines. Up to `limits.items` items: one answer as for a list. Beyond it the answer streams, a line
 * per durable chunk; when it cannot go on, the last line is `{fromLine, problem}`: nothing before that line has to be sent again.
 */
export async function answerLines(
  body: Readable,
  reply: FastifyReply,
  session: Session,
  context: IntakeContext,
  stopping: () => boolean,
): Promise<void> {
  const { limits } = context;
  const kept: Taken[] = [];
  let count = 0;
  let stream: PassThrough | undefined;
  let nextLine = 1;

  const done = async (taken: Taken) => {
    nextLine = taken.chunk.toLine + 1;
    if (stream !== undefined) return writeOut(stream, reportOf(taken));
    kept.push(taken);
    if (count <= limits.items) return;
    stream = new PassThrough();
    reply.code(202).header('content-type', 'application/x-ndjson').send(stream);
    for (const earlier of kept.splice(0)) await writeOut(stream, reportOf(earlier));
  };

  try {
    let underway: Promise<Taken> | undefined;
    for await (const chunk of chunksOfLines(body, limits)) {
      if (stopping()) throw unavailable('The service is stopping. Send the rest again.', 2);
      count += chunk.items.length;
      const taking = session.take(chunk.items).then((intake) => ({ chunk, intake }));
      taking.catch(() => {});
      // One chunk is read while the one before it is made durable.
      if (underway !== undefined) await done(await underway);
      underway = taking;
      if (count > limits.lines) {
        await done(await underway);
        throw refusal('payload-too-large', `One request may have ${limits.lines} lines.`);
      }
    }
    if (underway !== undefined) await done(await underway);
    if (stream === undefined) reply.code(202).send(answerOf(joined(kept.map(({ intake }) => intake)), true));
    else stream.end();
  } catch (error) {
    if (body.errored !== null) {
      // The caller left in mid-request: nobody is there to be told.
      reply.raw.destroy();
      return;
    }
    const told = refusalOf(error, context.metrics);
    // The rest of the body stays unread, so the connection cannot be used again.
    if (stream === undefined) reply.header('connection', 'close').send(told);
    else stream.end(`${JSON.stringify({ fromLine: nextLine, problem: problemOfError(told).problem })}\n`);
  }
}

function reportOf({ chunk, intake }: Taken): string {
  const { accepted, duplicates, rejected } = intake;
  const report = { fromLine: chunk.fromLine, toLine: chunk.toLine, accepted: accepted.length, duplicates, rejected };
  return `${JSON.stringify(report)}\n`;
}
