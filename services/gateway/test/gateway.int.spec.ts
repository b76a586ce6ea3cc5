import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually } from '@quell/testing/eventually';
import { type RunningGateway, startGateway } from '../src/gateway.ts';

/** A service of these tests' own: what it does with a request is set by each test. */
class Upstream {
  answer: (request: IncomingMessage, response: ServerResponse) => void = (_request, response) => response.end('{}');
  readonly server = http.createServer((request, response) => this.answer(request, response));

  async start(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

const ingest = new Upstream();
const mitigation = new Upstream();
let gateway: RunningGateway;

beforeAll(async () => {
  gateway = await startGateway({
    QUELL_PORT: '0',
    QUELL_LOG_LEVEL: 'silent',
    QUELL_INGEST_URL: await ingest.start(),
    QUELL_MITIGATION_URL: await mitigation.start(),
  });
});
beforeEach(() => {
  for (const upstream of [ingest, mitigation]) upstream.answer = (_request, response) => response.end('{}');
});
afterAll(async () => {
  await gateway?.stop('the test is over');
  ingest.stop();
  mitigation.stop();
});

const call = (path: string, init?: RequestInit) => fetch(`${gateway.url}${path}`, init);

/** A request written and read by hand: what fetch would tidy up arrives as it was sent. */
function open(method: string, path: string, headers: http.OutgoingHttpHeaders = {}) {
  const request = http.request(`${gateway.url}`, { method, path, headers });
  const response = once(request, 'response').then(([message]) => message as IncomingMessage);
  response.catch(() => {});
  return { request, response };
}

test('a request arrives as it was sent, by method and path at its service', async () => {
  const seen: { at: string; method: string; url: string; signature: unknown; body: string }[] = [];
  for (const [at, upstream] of Object.entries({ ingest, mitigation })) {
    upstream.answer = async (request, response) => {
      let body = '';
      for await (const part of request) body += part;
      seen.push({
        at,
        method: request.method ?? '',
        url: request.url ?? '',
        signature: request.headers.signature,
        body,
      });
      response.writeHead(202, { 'x-from': at }).end(body);
    };
  }
  const send = async (method: string, path: string, body = '') => {
    const { request, response } = open(method, path, { signature: 'quell=:abc=:', 'content-length': body.length });
    request.end(body);
    const message = await response;
    message.resume();
    return [message.statusCode, message.headers['x-from']];
  };
  expect(await send('POST', '/v1/detections?format=native', '{"not": json')).toEqual([202, 'ingest']);
  expect(await send('GET', '/v1/detections?source=a%20b&x=%2F')).toEqual([202, 'mitigation']);
  expect(await send('POST', '/v1/tasks/1/attempts/2/events', '[1]')).toEqual([202, 'mitigation']);
  expect(await send('DELETE', '/v1/api-keys/7')).toEqual([202, 'ingest']);
  expect(seen).toMatchObject([
    {
      at: 'ingest',
      method: 'POST',
      url: '/v1/detections?format=native',
      body: '{"not": json',
      signature: 'quell=:abc=:',
    },
    { at: 'mitigation', method: 'GET', url: '/v1/detections?source=a%20b&x=%2F' },
    { at: 'mitigation', method: 'POST', url: '/v1/tasks/1/attempts/2/events', body: '[1]' },
    { at: 'ingest', method: 'DELETE', url: '/v1/api-keys/7' },
  ]);
});

test('bodies stream in both directions at once: an answer may begin before the request has ended', async () => {
  ingest.answer = (request, response) => {
    response.writeHead(202, { 'content-type': 'application/x-ndjson' });
    request.on('data', (part) => response.write(`got ${part}`));
    request.on('end', () => response.end('end'));
  };
  const { request, response } = open('POST', '/v1/detections', { 'content-type': 'application/x-ndjson' });
  request.write('one');
  const message = await response;
  const parts = message[Symbol.asyncIterator]();
  expect(String((await parts.next()).value)).toBe('got one');
  request.write('two');
  expect(String((await parts.next()).value)).toBe('got two');
  request.end();
  expect(String((await parts.next()).value)).toBe('end');
});

test('headers of the connection stay on it: a body announced with expect: 100-continue is forwarded', async () => {
  let seen: http.IncomingHttpHeaders = {};
  ingest.answer = (request, response) => {
    seen = request.headers;
    request.pipe(response);
  };
  const { request, response } = open('POST', '/v1/detections', {
    expect: '100-continue',
    te: 'trailers',
    'keep-alive': 'timeout=5',
    'content-type': 'application/json',
  });
  request.flushHeaders();
  await once(request, 'continue');
  request.end('[]');
  const message = await response;
  expect([message.statusCode, String(await message.toArray())]).toEqual([200, '[]']);
  expect(seen).toMatchObject({ 'content-type': 'application/json', 'x-forwarded-for': '127.0.0.1' });
  for (const name of ['expect', 'te']) expect(seen).not.toHaveProperty(name);
});

test('each server-sent event is passed on at once', async () => {
  let stream: ServerResponse | undefined;
  mitigation.answer = (_request, response) => {
    stream = response.writeHead(200, { 'content-type': 'text/event-stream' });
    stream.write('data: 1\n\n');
  };
  const { request, response } = open('GET', '/v1/tasks/stream');
  request.end();
  const parts = (await response)[Symbol.asyncIterator]();
  expect(String((await parts.next()).value)).toBe('data: 1\n\n');
  stream?.write('data: 2\n\n');
  expect(String((await parts.next()).value)).toBe('data: 2\n\n');
  request.destroy();
  await once(stream as ServerResponse, 'close');
});

test('a held poll whose caller goes away is ended at the service too', async () => {
  let held: ServerResponse | undefined;
  mitigation.answer = (request, response) => {
    request.resume();
    held = response;
  };
  const { request } = open('POST', '/v1/agents/me/check-in', { 'content-type': 'application/json' });
  request.on('error', () => {});
  request.end('{}');
  const poll = await eventually(() => held);
  const closed = once(poll, 'close');
  request.destroy();
  await closed;
});

test('a service that is away is a 503 problem that says when to come back, and nothing is repeated', async () => {
  let asked = 0;
  mitigation.answer = (request) => {
    asked++;
    request.socket.destroy();
  };
  const away = await call('/v1/tasks');
  expect(away.status).toBe(503);
  expect(away.headers.get('retry-after')).toBe('2');
  expect(away.headers.get('content-type')).toContain('application/problem+json');
  expect(await away.json()).toMatchObject({ type: 'urn:quell:problem:unavailable', detail: /mitigation/ });
  mitigation.answer = (_request, response) => {
    asked++;
    response.writeHead(503, { 'retry-after': '1' }).end('{}');
  };
  expect((await call('/v1/tasks')).status).toBe(503);
  expect(asked).toBe(2);
});

test('what is nowhere is a problem: other paths, services that are not there, other methods', async () => {
  for (const path of ['/nothing', '/v1/devices', '/v1/vpn/policies', '/metrics/unheard-of']) {
    expect(await (await call(path)).json()).toMatchObject({ status: 404, type: 'urn:quell:problem:not-found' });
  }
  const posted = await call('/livez', { method: 'POST' });
  expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
});

test('readiness is that of all services, each with its own reason', async () => {
  const ready = (upstream: Upstream, ok: boolean, checks: object) => {
    upstream.answer = (_request, response) => response.writeHead(ok ? 200 : 503).end(JSON.stringify({ ok, checks }));
  };
  ready(ingest, false, { postgres: 'ok', kafka: 'failed' });
  ready(mitigation, true, {});
  const report = await eventually(async () => {
    const answer = await call('/readyz');
    return answer.status === 503 && answer.json();
  });
  expect(report).toEqual({ ok: false, checks: { ingest: 'kafka: failed', mitigation: 'ok' } });
  ready(ingest, true, {});
  await eventually(async () => (await call('/readyz')).status === 200);
  expect((await call('/livez')).status).toBe(200);
});

test('its metrics are for those who may read the metrics of ingest', async () => {
  ingest.answer = (request, response) => {
    response.writeHead(request.headers.authorization === 'Bearer good' ? 200 : 401).end('ingest_metric 1');
  };
  expect((await call('/metrics')).status).toBe(401);
  const headers = { authorization: 'Bearer good' };
  expect(await (await call('/metrics', { headers })).text()).toContain('service="gateway"');
  expect(await (await call('/metrics/ingest', { headers })).text()).toBe('ingest_metric 1');
});

test('the documents are those of all services', async () => {
  const document = (await (await call('/openapi.json')).json()) as { paths: object };
  expect(Object.keys(document.paths)).toEqual(expect.arrayContaining(['/v1/detections', '/v1/tasks']));
  expect(await (await call('/docs')).text()).toContain('/docs/start.js');
});

test('the base URL says where to go on, and a slash after /docs does no harm', async () => {
  const front = await call('/');
  expect([front.status, await front.json()]).toEqual([
    200,
    { name: 'Quell', docs: '/docs', openapi: '/openapi.json', ready: '/readyz' },
  ]);
  const slashed = await call('/docs/');
  expect([slashed.status, slashed.url]).toEqual([200, `${gateway.url}/docs`]);
});

test('a stop gives what is being forwarded some time, then answers 503, and ends', async () => {
  let held: ServerResponse | undefined;
  mitigation.answer = (_request, response) => {
    held = response;
  };
  const stopping = await startGateway({
    QUELL_PORT: '0',
    QUELL_LOG_LEVEL: 'silent',
    QUELL_DRAIN_SECONDS: '0.2',
    QUELL_INGEST_URL: 'http://127.0.0.1:9',
    QUELL_MITIGATION_URL: `http://127.0.0.1:${(mitigation.server.address() as AddressInfo).port}`,
  });
  const poll = fetch(`${stopping.url}/v1/tasks`);
  await eventually(() => held);
  const stop = stopping.stop('asked to');
  expect((await poll).status).toBe(503);
  await stop;
});

test('replicas of a service take turns; one that is away costs no request, and the last one is enough to be ready', async () => {
  const replicas = [new Upstream(), new Upstream()] as const;
  const urls = [await replicas[0].start(), await replicas[1].start()];
  const several = await startGateway({
    QUELL_PORT: '0',
    QUELL_LOG_LEVEL: 'silent',
    QUELL_INGEST_URL: urls.join(','),
    QUELL_MITIGATION_URL: urls.join(','),
  });
  try {
    const counts = [0, 0];
    for (const [index, replica] of replicas.entries()) {
      replica.answer = async (request, response) => {
        if (request.url?.startsWith('/v1/')) counts[index] = (counts[index] ?? 0) + 1;
        response.end(String(await request.toArray()));
      };
    }
    const send = async (index: number) => {
      const sent = `body ${index}`;
      const answer = await fetch(`${several.url}/v1/tasks`, { method: 'POST', body: sent });
      expect([answer.status, await answer.text()]).toEqual([200, sent]);
    };
    for (let index = 0; index < 4; index += 1) await send(index);
    expect(counts).toEqual([2, 2]);

    const closed = once(replicas[0].server, 'close');
    replicas[0].stop();
    await closed;
    for (let index = 0; index < 6; index += 1) await send(index);
    expect(counts).toEqual([2, 8]);
    expect((await fetch(`${several.url}/readyz`)).status).toBe(200);
    replicas[1].stop();
    const report = await eventually(async () => {
      const answer = await fetch(`${several.url}/readyz`);
      return answer.status === 503 && answer.json();
    });
    expect(report).toMatchObject({ checks: { mitigation: 'cannot be reached' } });
  } finally {
    await several.stop('the test is over');
    for (const replica of replicas) replica.stop();
  }
});

test('a replica that is not ready is asked for nothing while another one is, and again once it is ready', async () => {
  const replicas = [new Upstream(), new Upstream()] as const;
  const urls = [await replicas[0].start(), await replicas[1].start()];
  const isReady = [true, false];
  const isReadyAs = (index: number) => (isReady[index] ? 200 : 503);
  for (const [index, replica] of replicas.entries()) {
    replica.answer = (_request, response) => response.writeHead(isReadyAs(index)).end('{"checks":{}}');
  }
  const several = await startGateway({
    QUELL_PORT: '0',
    QUELL_LOG_LEVEL: 'silent',
    QUELL_INGEST_URL: urls[0] ?? '',
    QUELL_MITIGATION_URL: urls[0] ?? '',
    QUELL_DEVICE_REGISTRY_URL: urls.join(','),
  });
  const statuses = async () => {
    const answers = [1, 2, 3, 4].map(() => fetch(`${several.url}/v1/devices/suggest?text=x`));
    return (await Promise.all(answers)).map(({ status }) => status);
  };
  const become = async (ready: readonly boolean[], wanted: readonly number[]) => {
    isReady.splice(0, 2, ...ready);
    await eventually(async () => {
      expect(await statuses()).toEqual(wanted);
      return true;
    });
  };
  try {
    await become([true, false], [200, 200, 200, 200]);
    await become([false, true], [200, 200, 200, 200]);
    await become([false, false], [503, 503, 503, 503]);
    await become([true, true], [200, 200, 200, 200]);
  } finally {
    await several.stop('the test is over');
    for (const replica of replicas) replica.stop();
  }
});
