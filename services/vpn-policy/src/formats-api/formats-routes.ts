import {
  type FileRefusal,
  type VpnExportAnswer,
  type VpnImportAnswer,
  vpnExportRequest,
  vpnImportQuery,
} from '@quell/contracts/vpn-formats';
import { requireScope } from '@quell/service-kit/auth';
import type { Authenticator } from '@quell/service-kit/authenticator';
import { refusal } from '@quell/service-kit/problem-error';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type AnalysisThreads, orUnprocessable } from '../analysis/analysis-threads.ts';
import { FILE_LIMITS } from '../formats/refusal.ts';

/** How profiles come: as Apple and servers call them, as XML, or as bytes of no stated kind. */
const fileTypes = [
  'application/x-apple-aspen-config',
  'application/xml',
  'text/xml',
  'application/pkcs7-mime',
  'application/octet-stream',
];

/** `POST /v1/vpn/import` and `/export`, as plain Fastify routes: a file is read as bytes. Nothing of it is kept or logged. */
export function serveFormats(http: FastifyInstance, authenticator: Authenticator, threads: AnalysisThreads): void {
  const onRequest = async (request: FastifyRequest) => {
    await requireScope(authenticator, request.headers.authorization, ['vpn:evaluate', 'vpn:read']);
  };

  http.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    const limit = { parseAs: 'buffer', bodyLimit: FILE_LIMITS.bytes } as const;
    scope.addContentTypeParser(fileTypes, limit, (_request, body, done) => done(null, body));
    scope.addContentTypeParser('*', (_request, _payload, done) => {
      done(refusal('unsupported-media-type', `Send the file as it is, as one of ${fileTypes.join(', ')}.`));
    });
    scope.post(
      '/v1/vpn/import',
      { onRequest, bodyLimit: FILE_LIMITS.bytes },
      async (request): Promise<VpnImportAnswer> => {
        const { dialect } = vpnImportQuery.parse(request.query);
        if (request.body === undefined) throw refusal('invalid-request', 'The body is empty: it is to be the file.');
        const answer = await orUnprocessable(threads.run('import', request.body as Buffer, dialect));
        if (answer.result === 'refused') throw refusal('unprocessable', said(answer), placeOf(answer));
        return answer;
      },
    );
  });

  http.post('/v1/vpn/export', { onRequest }, async (request): Promise<VpnExportAnswer> => {
    const answer = await orUnprocessable(threads.run('export', vpnExportRequest.parse(request.body)));
    if (answer.result === 'refused') {
      const errors = [
        ...answer.findings.map(({ policy, place, rule, why }) => ({ policy, place, detail: `${rule}: ${why}` })),
        ...answer.remarks.map(({ policy, place, text }) => ({ policy, place, detail: text })),
      ].flatMap(({ policy, place, detail }) =>
        policy === null ? [] : [{ pointer: `/policies/${policy}${place}`, detail }],
      );
      throw refusal('unprocessable', `It is not exported: ${answer.text}.`, { errors });
    }
    const { content, mediaType, findings, remarks } = answer;
    const text =
      mediaType === 'application/x-apple-aspen-config' && isBinary(content) ? null : new TextDecoder().decode(content);
    return {
      result: 'exported',
      mediaType,
      ...(text === null
        ? { content: Buffer.from(content).toString('base64'), encoding: 'base64' }
        : { content: text, encoding: 'text' }),
      findings,
      remarks,
    };
  });
}

function isBinary(content: Uint8Array): boolean {
  return Buffer.from(content.subarray(0, 6)).toString('latin1') === 'bplist';
}

/** The same for programs: an editor goes to the line. */
function placeOf({ reason, at }: FileRefusal) {
  return at === null ? { reason } : { reason, at };
}

function said({ reason, text, at }: FileRefusal): string {
  const where = at === null ? '' : 'line' in at ? ` at line ${at.line}, column ${at.column}` : ` at byte ${at.byte}`;
  return `The file is refused as ${reason}${where}: ${text}.`;
}
