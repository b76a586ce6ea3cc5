/**
 * Servers in containers, through the `docker` command: it is what a user can repeat by hand, it attaches to the container so that
 * the guard of local servers works for it too, and the launcher needs no client library. Not tried where this was written: no engine.
 */
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';
import { type GuardedServer, startGuarded } from './guarded-server.ts';
import type { Progress } from './part.ts';

const run = promisify(execFile);

/** The version of the Docker engine that answers, if one does. */
export async function dockerEngine(): Promise<string | undefined> {
  const answer = run('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: 5_000 });
  return answer.then(
    ({ stdout }) => stdout.trim() || undefined,
    () => undefined,
  );
}

/** Makes sure that an image is here. Rejects with the engine's reason when it cannot be pulled. */
export async function pullImage(image: string, progress: Progress): Promise<void> {
  const present = await run('docker', ['image', 'inspect', image]).catch(() => undefined);
  if (present) return;
  progress(`pulling the image ${image} (first start only)`);
  await run('docker', ['pull', '--quiet', image]);
}

/** The volume that keeps one server's data of one data directory. */
export function volumeName(server: string, dataDir: string): string {
  return `quell-${server}-${createHash('sha256').update(dataDir).digest('hex').slice(0, 12)}`;
}

/** Makes the volume at the first start; returns the cluster id it was labelled with then. */
export async function clusterVolume(volume: string): Promise<string> {
  const label = 'quell.cluster-id';
  const inspect = ['volume', 'inspect', '--format', `{{index .Labels "${label}"}}`, volume];
  const known = await run('docker', inspect).catch(() => undefined);
  if (known) return known.stdout.trim();
  // The image's default cluster id is a constant: data made anew would pass for the old.
  const clusterId = `Q${randomBytes(16).toString('base64url').slice(1)}`;
  await run('docker', ['volume', 'create', '--label', `${label}=${clusterId}`, volume]);
  return clusterId;
}

/** What to run, and where its data and port are inside the container. */
export interface ContainerOrder {
  readonly image: string;
  readonly volume: string;
  readonly dataPath: string;
  readonly port: number;
  /** Environment of the container, given the port on this machine. */
  readonly env: (hostPort: number) => Readonly<Record<string, string>>;
  readonly command: readonly string[];
  readonly logFile: string;
  /** As for local servers: in order, and when the launcher is gone. */
  readonly stopSignal: NodeJS.Signals;
  readonly orphanSignal: NodeJS.Signals;
}

/** Runs a container in the foreground of a guard, on a free loopback port. One left by a killed launcher is removed first. */
export async function startContainer(order: ContainerOrder): Promise<{ server: GuardedServer; hostPort: number }> {
  await run('docker', ['rm', '--force', order.volume]).catch(() => {});
  const hostPort = await freePort();
  const env = order.env(hostPort);
  const server = await startGuarded(
    {
      command: 'docker',
      // The attached command passes signals on to the container.
      args: [
        ...['run', '--rm', '--sig-proxy=true', '--name', order.volume],
        ...['--publish', `127.0.0.1:${hostPort}:${order.port}`, '--volume', `${order.volume}:${order.dataPath}`],
        // Without its value, which docker takes from its own environment: command lines are for everybody to see.
        ...Object.keys(env).flatMap((name) => ['--env', name]),
        order.image,
        ...order.command,
      ],
      stopSignal: order.stopSignal,
      stopWithinMs: 15_000,
      orphanSignal: order.orphanSignal,
      killSignal: 'SIGKILL',
    },
    order.logFile,
    env,
  );
  return { server, hostPort };
}
