import { Worker } from 'node:worker_threads';
import { refusal, unavailable } from '@quell/service-kit/problem-error';
import type { TaskAnswer, TaskRequest, Tasks } from './tasks.ts';

export interface AnalysisSettings {
  readonly threads: number;
  /** After so long a task is given up. */
  readonly seconds: number;
  /** So many more may wait for their turn; others get 503 and come again. */
  readonly waiting: number;
}

/** The task would take longer, or more memory, than it is given. */
export class TooMuch extends Error {
  override readonly name = 'TooMuch';
}

const MEMORY_MB = 512;

interface Job {
  readonly request: TaskRequest;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Threads for lint, diff, import and export: a large policy takes them seconds, in which decisions have to go on. */
export class AnalysisThreads {
  readonly #settings: AnalysisSettings;
  readonly #idle: Worker[] = [];
  readonly #workers = new Set<Worker>();
  readonly #waiting: Job[] = [];
  #closed = false;

  constructor(settings: AnalysisSettings) {
    this.#settings = settings;
  }

  /**
   * Runs a task in a thread. Arguments and result are copied.
   *
   * @throws TooMuch; ProblemError 503 when too many wait already, or the service stops; whatever the task throws
   */
  run<Task extends keyof Tasks>(
    task: Task,
    ...args: Parameters<Tasks[Task]>
  ): Promise<Awaited<ReturnType<Tasks[Task]>>> {
    return new Promise((resolve, reject) => {
      if (this.#closed || this.#waiting.length >= this.#settings.waiting) {
        reject(unavailable('Too many policies wait to be looked at already. Send it again.', 2));
        return;
      }
      this.#waiting.push({ request: { task, args }, resolve: resolve as (result: unknown) => void, reject });
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(unavailable('The service is stopping. Send it again.', 2));
    await Promise.all([...this.#workers].map((worker) => worker.terminate()));
  }

  #next(): void {
    const worker = this.#idle.pop() ?? (this.#workers.size < this.#settings.threads ? this.#begin() : undefined);
    if (worker === undefined) return;
    const job = this.#waiting.shift();
    if (job === undefined) this.#idle.push(worker);
    else this.#work(worker, job);
  }

  #begin(): Worker {
    // Without what this process was started with: pure files need no transpiler.
    const worker = new Worker(new URL('./analysis.worker.ts', import.meta.url), {
      execArgv: ['--disable-warning=ExperimentalWarning'],
      stdin: false,
      resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
    });
    // It keeps no process alive; a request that waits for it does.
    worker.unref();
    this.#workers.add(worker);
    return worker;
  }

  #work(worker: Worker, { request, resolve, reject }: Job): void {
    const { seconds } = this.#settings;
    let tooMuch: string | undefined;
    const timer = setTimeout(() => {
      tooMuch = `it takes longer than ${seconds} s`;
      void worker.terminate();
    }, seconds * 1000);
    const settle = () => {
      clearTimeout(timer);
      worker.off('message', answered).off('error', failed).off('exit', ended);
    };
    const answered = (answer: TaskAnswer) => {
      settle();
      this.#idle.push(worker);
      if ('result' in answer) resolve(answer.result);
      else reject(answer.error);
      this.#next();
    };
    let failure: unknown;
    const failed = (error: Error & { code?: string }) => {
      if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') tooMuch = `it takes more than ${MEMORY_MB} MB`;
      failure = error;
    };
    const ended = (code: number) => {
      settle();
      this.#workers.delete(worker);
      if (tooMuch !== undefined) reject(new TooMuch(tooMuch));
      else if (this.#closed) reject(unavailable('The service is stopping. Send it again.', 2));
      else reject(failure ?? new Error(`the thread ended with code ${code}`));
      this.#next();
    };
    worker.on('message', answered).on('error', failed).on('exit', ended);
    try {
      worker.postMessage(request);
    } catch (error) {
      // What cannot be copied, such as a policy nested too deeply, is a failure of its caller; the thread has seen nothing of it.
      settle();
      this.#idle.push(worker);
      reject(error);
      this.#next();
    }
  }
}

/** For callers over HTTP: what is too much is theirs to make smaller. */
export async function orUnprocessable<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    if (!(error instanceof TooMuch)) throw error;
    throw refusal('unprocessable', `The policy is too large for this: ${error.message}.`);
  }
}
