import { Worker } from 'node:worker_threads';
import type { FeedCursor } from '@quell/event-store/feed';
import type { Segment } from '../index/segment.ts';
import type { SeenMark } from './last-seen.ts';

/** What the worker tells: where its snapshot stands, how far it is, and at the end the index. */
export type BuildMessage =
  | { readonly kind: 'begun'; readonly estimate: number }
  | { readonly kind: 'read'; readonly devices: number }
  | {
      readonly kind: 'built';
      readonly position: FeedCursor;
      readonly seen: SeenMark;
      readonly segment: Segment;
    };

export interface BuildOptions {
  readonly connectionString: string;
  /** How many devices were read, of about how many. */
  readonly onProgress?: (devices: number, estimate: number) => void;
  /** Ends the worker. */
  readonly signal: AbortSignal;
}

export interface BuiltBase {
  readonly segment: Segment;
  /** The place in the feed that it shows, exactly. */
  readonly position: FeedCursor;
  readonly seen: SeenMark;
  readonly seconds: number;
}

/**
 * Builds the base of an index of all devices in a thread of its own, from a snapshot of Postgres, and takes its buffers over without copying.
 * Meanwhile this thread answers searches.
 *
 * @throws what ended the worker: Postgres, or the signal.
 */
export async function buildBase({ connectionString, onProgress, signal }: BuildOptions): Promise<BuiltBase> {
  signal.throwIfAborted();
  const began = performance.now();
  // Without what this process was started with: the worker needs no transpiler.
  const worker = new Worker(new URL('./build-base.worker.ts', import.meta.url), {
    workerData: { connectionString },
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdin: false,
  });
  const end = () => void worker.terminate();
  signal.addEventListener('abort', end, { once: true });
  try {
    const { segment, position, seen } = await new Promise<Extract<BuildMessage, { kind: 'built' }>>(
      (resolve, reject) => {
        let estimate = 0;
        worker.on('message', (message: BuildMessage) => {
          if (message.kind === 'begun') estimate = message.estimate;
          else if (message.kind === 'read') onProgress?.(message.devices, estimate);
          else resolve(message);
        });
        worker.on('error', reject);
        worker.on('exit', (code) => reject(new Error(`the thread that builds the index ended with code ${code}`)));
      },
    );
    return { segment, position, seen, seconds: (performance.now() - began) / 1000 };
  } finally {
    signal.removeEventListener('abort', end);
    await worker.terminate();
  }
}
