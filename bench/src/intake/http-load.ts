import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Requests to send over and over, as they go over the wire. */
export function postRequest(
  path: string,
  host: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Buffer {
  const bytes = Buffer.from(body);
  const lines = Object.entries({
    host,
    'content-type': 'application/json',
    'content-length': String(bytes.length),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n`), bytes]);
}

export interface Answered {
  readonly requests: number;
  readonly seconds: number;
  readonly latenciesMs: readonly number[];
}

/**
 * Keeps `connections` busy for `seconds`, one request at a time on each. Plain sockets, because a client library would take more of
 * the two cores than the server under test.
 *
 * @throws Error at the first answer that is not `status`.
 */
export async function loadFor(
  url: string,
  requests: readonly Buffer[],
  { connections, seconds, status }: { connections: number; seconds: number; status: number },
): Promise<Answered> {
  const { hostname, port } = new URL(url);
  const sockets = await Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true });
      await once(socket, 'connect');
      return socket;
    }),
  );
  const latenciesMs: number[] = [];
  const from = performance.now();
  const until = from + seconds * 1000;
  let next = 0;
  try {
    await Promise.all(
      sockets.map(async (socket) => {
        const answer = answersOf(socket);
        while (performance.now() < until) {
          const sent = performance.now();
          socket.write(requests[next++ % requests.length]!);
          const { code, text } = await answer();
          if (code !== status) throw new Error(`${url} answered ${code}: ${text.slice(0, 300)}`);
          latenciesMs.push(performance.now() - sent);
        }
      }),
    );
    return { requests: latenciesMs.length, seconds: (performance.now() - from) / 1000, latenciesMs };
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

/** Waits for the next answer on a connection. Knows what the servers here send: a status line and a content-length. */
function answersOf(socket: Socket): () => Promise<{ code: number; text: string }> {
  let received = '';
  let waiting: PromiseWithResolvers<{ code: number; text: string }> | undefined;
  const look = () => {
    const end = received.indexOf('\r\n\r\n');
    if (end === -1 || waiting === undefined) return;
    const length = Number(/content-length: (\d+)/i.exec(received)?.[1] ?? 0);
    if (received.length < end + 4 + length) return;
    const answer = { code: Number(received.slice(9, 12)), text: received.slice(end + 4, end + 4 + length) };
    received = received.slice(end + 4 + length);
    waiting.resolve(answer);
    waiting = undefined;
  };
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => {
    received += chunk;
    look();
  });
  const broken = (error?: Error) => waiting?.reject(error ?? new Error('the server closed the connection'));
  socket.on('error', broken);
  socket.on('close', () => broken());
  return () => {
    waiting = Promise.withResolvers();
    return waiting.promise;
  };
}
