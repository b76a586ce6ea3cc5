import type { FastifyInstance, FastifyRequest } from 'fastify';

const RAW_BODY = Symbol('raw body');

/** Keeps the bytes of each JSON body beside the parsed one: `content-digest` is over what was sent, not over what it means. */
export function keepRawBody(http: FastifyInstance): void {
  const parse = http.getDefaultJsonParser('error', 'error');
  http.removeContentTypeParser('application/json');
  http.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const bytes = body as Buffer;
    (request as { [RAW_BODY]?: Buffer })[RAW_BODY] = bytes;
    // An empty body under this type is no body, as in the kit's parser.
    if (bytes.length === 0) done(null, undefined);
    else parse(request, bytes.toString(), done);
  });
}

/** The bytes of the request's body; undefined when it had none. */
export function rawBodyOf(request: FastifyRequest): Buffer | undefined {
  return (request as { [RAW_BODY]?: Buffer })[RAW_BODY];
}
