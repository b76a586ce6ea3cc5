import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EventStream } from './event-stream.ts';

test('a client that was gone before its stream began is told as gone', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = request({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
  client.on('error', () => {});
  client.end();
  const [, response] = await once(server, 'request');
  client.destroy();
  await once(response, 'close');
  const stream = new EventStream(response, 1024);
  let told = 0;
  stream.onClose(() => told++);
  expect([told, stream.open]).toEqual([1, false]);
  server.close();
});
