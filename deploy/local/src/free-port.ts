import { createServer } from 'node:net';

/** A loopback TCP port that was free a moment ago; whoever binds it must be ready to find it taken. */
export function freePort(): Promise<number> {
  return bound('127.0.0.1', 0);
}

/** Why a port cannot be bound right now: `EADDRINUSE` and the like; `undefined` when it can. */
export function portProblem(host: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
  return bound(host, port).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error,
  );
}

/** Binds a port, lets go of it, and returns its number. */
function bound(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, host, () => {
      const address = server.address();
      server.close(() => resolve(address && typeof address === 'object' ? address.port : port));
    });
  });
}
