import { open, rename, unlink } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { z } from 'zod';
import { isCode } from '../confined/directory.ts';

/** What another process of the same user may ask the running agent. */
export const controlRequest = z.object({ op: z.literal('restore'), taskId: z.uuid(), items: z.array(z.string()) });
export type ControlRequest = z.infer<typeof controlRequest>;

/** Longest path a Unix socket takes on every system (sun_path, macOS). */
const MAX_SOCKET_PATH = 100;

export class AlreadyRunning extends Error {
  constructor(stateDir: string) {
    super(`another agent is running on the state folder ${stateDir}`);
    this.name = 'AlreadyRunning';
  }
}

/**
 * Listens in the state folder (mode 0700: only its owner gets in). It is the lock as well: the system closes it with the process, so a
 * kill -9 leaves nothing that has to be judged by its age.
 *
 * @throws AlreadyRunning when an agent lives on this state folder
 */
export async function holdStateDir(
  stateDir: string,
  serve: (request: ControlRequest) => Promise<unknown>,
): Promise<{ release: () => Promise<void> }> {
  const address = await socketAddress(stateDir);
  const server = createServer((socket) => void answer(socket, serve));
  for (let tries = 0; ; tries += 1) {
    try {
      await listen(server, address.path);
      return {
        release: async () => {
          await new Promise<void>((resolve) => server.close(() => resolve()));
          await address.close();
        },
      };
    } catch (error) {
      const isLast = tries >= 3 || !isCode(error, 'EADDRINUSE');
      if (isLast || !(await clearStale(address.path))) {
        await address.close();
        throw isCode(error, 'EADDRINUSE') ? new AlreadyRunning(stateDir) : error;
      }
    }
  }
}

/** Asks the agent that runs on a state folder; undefined when none does. */
export async function askRunningAgent(stateDir: string, request: ControlRequest): Promise<unknown> {
  const address = await socketAddress(stateDir);
  try {
    const socket = await reach(address.path);
    if (socket === undefined) return undefined;
    socket.write(`${JSON.stringify(request)}\n`);
    for await (const line of createInterface({ input: socket })) {
      socket.destroy();
      return JSON.parse(line);
    }
    throw new Error('the running agent ended before it answered; its next start goes on with the restore');
  } finally {
    await address.close();
  }
}

async function answer(socket: Socket, serve: (request: ControlRequest) => Promise<unknown>): Promise<void> {
  socket.on('error', () => socket.destroy());
  for await (const line of createInterface({ input: socket })) {
    const request = controlRequest.safeParse(JSON.parse(line));
    const said = request.success
      ? await serve(request.data).catch((error: Error) => ({ ok: false, detail: error.message }))
      : { ok: false, detail: 'not a request' };
    socket.end(`${JSON.stringify(said)}\n`);
    return;
  }
}

/** Removes a socket nobody listens on. False when somebody does. Moved aside first, so that two starters cannot remove each other's. */
async function clearStale(path: string): Promise<boolean> {
  const live = await reach(path);
  live?.destroy();
  if (live !== undefined) return false;
  const aside = `${path}.${process.pid}`;
  try {
    await rename(path, aside);
  } catch (error) {
    return isCode(error, 'ENOENT');
  }
  const moved = await reach(aside);
  moved?.destroy();
  if (moved !== undefined) await rename(aside, path);
  else await unlink(aside);
  return moved === undefined;
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function reach(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path, () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}

async function socketAddress(stateDir: string): Promise<{ path: string; close: () => Promise<void> }> {
  const none = async () => {};
  if (process.platform === 'win32') {
    return { path: join('\\\\?\\pipe', 'quell-agent', stateDir.replaceAll(/[\\/:]/g, '-')), close: none };
  }
  const path = join(stateDir, 'agent.sock');
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH || process.platform !== 'linux') return { path, close: none };
  const folder = await open(stateDir, 'r');
  return { path: `/proc/self/fd/${folder.fd}/agent.sock`, close: () => folder.close() };
}
