import { Readable } from 'node:stream';
import { type DeviceFormat, deviceExportQuery } from '@quell/contracts/device-import';
import type { DeviceQuery } from '@quell/contracts/device-query';
import { requireScope } from '@quell/service-kit/auth';
import type { Authenticator } from '@quell/service-kit/authenticator';
import { lineTypes } from '@quell/service-kit/lines';
import { unavailable } from '@quell/service-kit/problem-error';
import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import type { JobParts } from '../device-jobs/job-parts.ts';
import { eachDevice } from '../device-store/each-device.ts';
import { headLine, linesOfDevices } from './lines.ts';

/** Exports at the same time; each has a connection and a snapshot open. */
const EXPORTS = 2;

const typeOf = { csv: 'text/csv; charset=utf-8', ndjson: 'application/x-ndjson' } as const;

/** `GET /v1/devices/export` as a plain Fastify route: its answer is a stream. */
export function serveExport(
  http: FastifyInstance,
  authenticator: Authenticator,
  { longReads, lifecycle }: Pick<JobParts, 'longReads' | 'lifecycle'>,
): void {
  let exports = 0;
  http.get('/v1/devices/export', async (request, reply) => {
    await requireScope(authenticator, request.headers.authorization, ['devices:read']);
    const { format: asked, ...parameters } = deviceExportQuery.parse(request.query);
    const format = asked ?? formatOf(request.headers.accept);
    const { q, match, feature = [], group = [], platform = [], model = [], tag = [] } = parameters;
    if (exports >= EXPORTS) throw unavailable('Too many exports are being read already. Ask again.', 5);
    exports++;
    const query: DeviceQuery = { q, match, feature, group, platform, model, tag };
    const answer = Readable.from(exported(longReads, query, format, lifecycle.signal), { objectMode: false });
    answer.once('close', () => exports--);
    return reply
      .header('content-type', typeOf[format])
      .header('content-disposition', `attachment; filename="devices.${format}"`)
      .send(answer);
  });
}

async function* exported(
  pool: Pool,
  query: DeviceQuery,
  format: DeviceFormat,
  signal: AbortSignal,
): AsyncGenerator<string> {
  if (format === 'csv') yield headLine;
  for await (const rows of eachDevice(pool, query, signal)) yield linesOfDevices(rows, format);
}

function formatOf(accept: string | undefined): DeviceFormat {
  const wanted = (accept ?? '').toLowerCase();
  return lineTypes.some((type) => wanted.includes(type)) && !wanted.includes('text/csv') ? 'ndjson' : 'csv';
}
