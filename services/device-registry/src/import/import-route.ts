import type { Readable } from 'node:stream';
import { type DeviceFormat, deviceImportQuery } from '@quell/contracts/device-import';
import type { Principal } from '@quell/service-kit/api-key';
import { requireScope } from '@quell/service-kit/auth';
import type { Authenticator } from '@quell/service-kit/authenticator';
import { lineTypes } from '@quell/service-kit/lines';
import { refusal, unavailable } from '@quell/service-kit/problem-error';
import { readPast } from '@quell/service-kit/read-past';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { JobParts } from '../device-jobs/job-parts.ts';
import { positionText } from '../device-store/position.ts';
import { actorOf } from '../devices/actor.ts';
import { readParameters } from '../search/list/read-query.ts';
import { IMPORT, type ImportInput } from './import-job.ts';
import { importNow } from './import-now.ts';
import { readUpload } from './upload.ts';

const csvTypes = ['text/csv', 'application/csv', 'text/tab-separated-values'];

/** Uploads that are read at the same time. */
const UPLOADS = 4;

/** `POST /v1/devices/import` as a plain Fastify route: its body is a stream. */
export function serveImport(http: FastifyInstance, authenticator: Authenticator, parts: JobParts): void {
  const { pool, jobs, runner, lifecycle } = parts;
  const callers = new WeakMap<FastifyRequest, Principal>();
  let uploads = 0;

  // Its own scope: these content types are handed on unparsed on this route only.
  http.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser([...csvTypes, ...lineTypes], (_request, payload, done) => done(null, payload));
    scope.addContentTypeParser('*', (request, payload, done) => {
      // Whoever names the format may call the body what they like.
      if ((request.query as { format?: unknown }).format !== undefined) done(null, payload);
      else done(refusal('unsupported-media-type', 'Send text/csv or application/x-ndjson, or say ?format=.'));
    });
    scope.addHook('onRequest', async (request) => {
      callers.set(request, await requireScope(authenticator, request.headers.authorization, ['devices:write']));
      const encoding = request.headers['content-encoding'];
      if (encoding !== undefined && encoding !== 'identity') {
        throw refusal(
          'unsupported-media-type',
          `Content-Encoding ${encoding} is not read here; send the body as it is.`,
        );
      }
    });
    scope.post('/v1/devices/import', async (request, reply) => {
      const query = readParameters(deviceImportQuery, request.query);
      const body = request.body as Readable | undefined;
      if (body === undefined || body === null) throw refusal('invalid-request', 'The body is empty.');
      if (uploads >= UPLOADS) throw unavailable('Too many imports are being sent already. Send it again.', 5);
      uploads++;
      try {
        return await take(request, reply, body, query);
      } catch (error) {
        // The caller left in mid-request: nobody is there to be told.
        if (body.errored !== null) return reply.hijack();
        throw error;
      } finally {
        readPast(body, () => uploads--);
      }
    });
  });

  async function take(
    request: FastifyRequest,
    reply: FastifyReply,
    body: Readable,
    { format: asked, ...query }: ReturnType<typeof deviceImportQuery.parse>,
  ): Promise<FastifyReply> {
    const format = asked ?? formatOf(request);
    const asJob = prefersAsync(request);
    const actor = actorOf(callers.get(request)!);
    const { unknown } = query;
    // Ended early, the iterator would take the connection with it, and the answer.
    const source: AsyncIterable<Buffer> = body.iterator({ destroyOnReturn: false });
    const upload = await readUpload(pool, source, { format, unknown, asJob, stopping: () => lifecycle.stopping });
    const input: ImportInput = { ...query, format, ...(upload.header && { header: upload.header }) };
    if ('records' in upload) {
      const { answer, position } = await importNow(parts, upload.records, input, actor);
      if (position !== undefined) reply.header('x-quell-position', positionText(position));
      return reply.send(answer);
    }
    const { jobId: id, total } = upload;
    const job = await jobs.create({ id, kind: IMPORT, input, createdBy: actor, total });
    runner.wake();
    return reply
      .code(202)
      .headers({ location: `/v1/devices/jobs/${id}`, 'retry-after': '1' })
      .send(job);
  }
}

function formatOf(request: FastifyRequest): DeviceFormat {
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  return csvTypes.includes(type) ? 'csv' : 'ndjson';
}

/** RFC 7240. */
function prefersAsync(request: FastifyRequest): boolean {
  return [request.headers.prefer ?? []].flat().some((header) => /(^|,)\s*respond-async\s*(;|,|$)/i.test(header));
}
