import { type DeviceFormat, deviceExportQuery } from '@quell/contracts/device-import';
import { requireScope } from '@quell/service-kit/auth';
import type { Authenticator } from '@quell/service-kit/authenticator';
import { goneSignal } from '@quell/service-kit/gone-signal';
import { cutWhenUnread, lineTypes } from '@quell/service-kit/lines';
import { unavailable } from '@quell/service-kit/problem-error';
import type { FastifyInstance } from 'fastify';
import type { JobParts } from '../device-jobs/job-parts.ts';
import { eachDevice } from '../device-store/each-device.ts';
import type { DeviceRow } from '../device-store/row.ts';
import { deviceQueryOf, readParameters } from '../search/list/read-query.ts';
import { headLine, linesOfDevices } from './lines.ts';

/** Exports at the same time; each has a connection and a snapshot open. */
const EXPORTS = 2;

/** How long a caller may leave what it was sent unread. */
const UNREAD_SECONDS = 120;

const typeOf = { csv: 'text/csv; charset=utf-8', ndjson: 'application/x-ndjson' } as const;

/** `GET /v1/devices/export` as a plain Fastify route: its answer is a stream. */
export function serveExport(
  http: FastifyInstance,
  authenticator: Authenticator,
  { longReads, lifecycle }: Pick<JobParts, 'longReads'> & { readonly lifecycle: Pick<JobParts['lifecycle'], 'signal'> },
  unreadSeconds = UNREAD_SECONDS,
): void {
  let exports = 0;
  // A HEAD would read all of it for nobody.
  http.get('/v1/devices/export', { exposeHeadRoute: false }, async (request, reply) => {
    await requireScope(authenticator, request.headers.authorization, ['devices:read']);
    const { format: asked, state, retiredSince, ...parameters } = readParameters(deviceExportQuery, request.query);
    const format = asked ?? formatOf(request.headers.accept);
    if (exports >= EXPORTS) throw unavailable('Too many exports are being read already. Ask again.', 5);
    exports++;
    const which = { state, since: retiredSince };
    const ended = AbortSignal.any([lifecycle.signal, goneSignal(reply.raw)]);
    const pages = eachDevice(longReads, deviceQueryOf(parameters), ended, which);
    // Once the status is sent nothing can be refused any more.
    const first = await pages.next().catch((error: unknown) => {
      exports--;
      throw error;
    });
    const answer = cutWhenUnread(linesOf(first, pages, format), unreadSeconds);
    answer.once('close', () => {
      exports--;
      // A caller who left before anything was read has begun nothing that would end this.
      void pages.return(undefined);
    });
    return reply
      .header('content-type', typeOf[format])
      .header('content-disposition', `attachment; filename="devices.${format}"`)
      .send(answer);
  });
}

type Pages = AsyncGenerator<readonly DeviceRow[]>;

async function* linesOf(
  first: IteratorResult<readonly DeviceRow[]>,
  others: Pages,
  format: DeviceFormat,
): AsyncGenerator<string> {
  if (format === 'csv') yield headLine;
  if (first.done) return;
  yield linesOfDevices(first.value, format);
  for await (const rows of others) yield linesOfDevices(rows, format);
}

function formatOf(accept: string | undefined): DeviceFormat {
  const wanted = (accept ?? '').toLowerCase();
  return lineTypes.some((type) => wanted.includes(type)) && !wanted.includes('text/csv') ? 'ndjson' : 'csv';
}
