/**
 * Stands for a service in tests of the launcher: keeps the contract of a child process and nothing else. `POST /die` ends it
 * with a last log line, `GET /env` tells its environment, and a gateway passes `/<service>/…` on.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

const { QUELL_HOST = '127.0.0.1', QUELL_PORT, PORT, FIXTURE_DIES_AT_START } = process.env;
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

if (FIXTURE_DIES_AT_START && process.env.DATABASE_URL?.includes(`_${FIXTURE_DIES_AT_START}:`)) {
  say({ level: 'fatal', msg: 'the start failed', err: { message: 'fixture told to die' } });
  process.exit(1);
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, first = '', ...rest] = (request.url ?? '').split('/');
  const behind = process.env[`QUELL_${first.toUpperCase()}_URL`];
  if (behind) {
    const passed = await fetch(`${behind}/${rest.join('/')}`, { method: request.method ?? 'GET' });
    response.writeHead(passed.status).end(await passed.text());
  } else if (first === 'die') {
    say({ level: 'fatal', msg: 'uncaught exception', err: { message: 'fixture told to die' } });
    process.exit(3);
  } else {
    response.end(first === 'env' ? JSON.stringify(process.env) : 'ok');
  }
}

const server = createServer((request, response) => {
  answer(request, response).catch((error) => response.writeHead(502).end(String(error)));
});
server.listen(Number(QUELL_PORT ?? PORT), QUELL_HOST, () => {
  const address = server.address();
  if (address && typeof address === 'object') say({ msg: 'listening', url: `http://${QUELL_HOST}:${address.port}` });
});
process.stdin.on('end', () => process.exit(0)).resume();
process.on('SIGTERM', () => {
  say({ msg: 'stopped' });
  process.exit(0);
});
