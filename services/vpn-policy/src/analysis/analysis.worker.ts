import { parentPort } from 'node:worker_threads';
import { type TaskAnswer, type TaskRequest, tasks } from './tasks.ts';

/** One task after the other, until the thread is ended. */
parentPort?.on('message', async ({ task, args }: TaskRequest) => {
  let answer: TaskAnswer;
  try {
    answer = { result: await (tasks[task] as (...args: readonly unknown[]) => unknown)(...args) };
  } catch (error) {
    answer = { error };
  }
  parentPort?.postMessage(answer);
});
