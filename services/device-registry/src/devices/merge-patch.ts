import type { FastifyInstance } from 'fastify';

/** Lets a body come as `application/merge-patch+json` (RFC 7396) too. */
export function acceptMergePatch(http: FastifyInstance): void {
  http.addContentTypeParser(
    'application/merge-patch+json',
    { parseAs: 'string' },
    http.getDefaultJsonParser('error', 'error'),
  );
}
