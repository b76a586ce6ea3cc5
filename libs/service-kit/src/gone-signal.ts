import type { ServerResponse } from 'node:http';
import { unavailable } from './problem-error.ts';

const RETRY_SECONDS = 5;

/**
 * Aborts when the client hangs up before it was answered, with an error that is no fault of ours. The answer is watched: a connection
 * outlives thousands of them.
 */
export function goneSignal(answer: ServerResponse): AbortSignal {
  const gone = new AbortController();
  const abort = () => gone.abort(unavailable('The caller left before it was answered.', RETRY_SECONDS));
  answer.once('close', abort);
  if (answer.destroyed || answer.socket?.destroyed) abort();
  return gone.signal;
}
