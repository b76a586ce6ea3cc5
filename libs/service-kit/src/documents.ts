import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { FastifyInstance } from 'fastify';

const require = createRequire(import.meta.url);
const assets = new Map([
  ['swagger-ui.css', 'text/css; charset=utf-8'],
  ['swagger-ui-bundle.js', 'text/javascript; charset=utf-8'],
  ['favicon-32x32.png', 'image/png'],
]);

const page = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Quell API</title>
<link rel="icon" href="/docs/favicon-32x32.png"><link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><div id="ui"></div><script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body>
</html>`;
const startScript = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#ui', deepLinking: true });`;
// Swagger UI writes style attributes; scripts come from here only.
const policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/** `/openapi.json` and `/docs`, the page that shows it. */
export function serveDocuments(http: FastifyInstance, document: object): void {
  const text = JSON.stringify(document);
  http.get('/openapi.json', (_request, reply) => {
    reply.type('application/json; charset=utf-8').send(text);
  });
  http.get('/docs', (_request, reply) => {
    reply.header('content-security-policy', policy).type('text/html; charset=utf-8').send(page);
  });
  // Relative links of the page would be right there too, but one address is enough.
  http.get('/docs/', (_request, reply) => {
    reply.redirect('/docs', 308);
  });
  http.get('/docs/start.js', (_request, reply) => {
    reply.type('text/javascript; charset=utf-8').send(startScript);
  });
  for (const [name, type] of assets) {
    http.get(`/docs/${name}`, async (_request, reply) => {
      const content = await readFile(require.resolve(`swagger-ui-dist/${name}`));
      return reply.header('cache-control', 'public, max-age=86400').type(type).send(content);
    });
  }
}
