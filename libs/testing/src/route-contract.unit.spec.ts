import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { routeFaults } from './route-contract.ts';

/** The faults of a server that gives every request the same answer. */
async function faultsOf(status: number, body: object, registered: string): Promise<string[]> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    return await routeFaults({
      url: `http://127.0.0.1:${port}`,
      owner: 'ingest',
      registered,
      keyWith: async () => 'key',
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const registered = [
  '├── /v1/detections (POST)',
  '├── /v1/api-keys (GET, HEAD, POST)',
  '│   └── /:id (GET, HEAD)',
  '└── /livez (GET)',
];

test('routes that are missing and routes that nobody wrote down are faults', async () => {
  const faults = await faultsOf(200, {}, registered.join('\n'));
  expect(faults).toContain('DELETE /v1/api-keys/:id is not registered');
  expect(faults).toContain('GET /readyz is not registered');
  expect(faults).toContain('GET /v1/api-keys/:id is not in the route table');
  expect(faults).not.toContain('GET /v1/api-keys is not registered');
});

test('letting everybody in is a fault, and so is an answer that does not fit its schema', async () => {
  const faults = await faultsOf(200, {}, '');
  expect(faults).toContain('GET /v1/api-keys answers 200 to a caller without a credential');
  expect(faults).toContain('GET /v1/api-keys answers 200 to a key without its scope');
  expect(faults.some((fault) => fault.startsWith('GET /v1/api-keys answers 200: '))).toBe(true);
});

test('a problem that is not documented is a fault, and so is an error that is no problem', async () => {
  const body = { type: 'urn:quell:problem:gone', title: 'Gone', status: 410, detail: 'It is over.' };
  expect(await faultsOf(410, body, '')).toContain('GET /v1/api-keys answers 410, which is not documented: It is over.');
  expect(await faultsOf(410, {}, '')).toContain(
    'GET /v1/api-keys answers 410 application/problem+json, which is no problem',
  );
});
