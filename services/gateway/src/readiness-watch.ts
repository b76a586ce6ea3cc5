import type { Replicas } from './replicas.ts';
import { readinessOfOne } from './upstream-checks.ts';

const EVERY_MS = 1_000;

/**
 * Asks each replica of a service every second whether it is ready, so that requests go to those that are: one that builds its index
 * anew answers 503 for as long as that takes. The only replica of a service is asked for everything anyway.
 *
 * @returns a function that ends the watch
 */
export function watchReadiness(replicas: Replicas): () => void {
  if (replicas.origins.length < 2) return () => {};
  const looking = new Set<string>();
  const look = async (origin: string) => {
    // One that is slow to answer is not asked again meanwhile.
    if (looking.has(origin)) return;
    looking.add(origin);
    replicas.setReady(origin, (await readinessOfOne(origin)) === undefined);
    looking.delete(origin);
  };
  const lookAtAll = () => {
    for (const origin of replicas.origins) void look(origin);
  };
  lookAtAll();
  const timer = setInterval(lookAtAll, EVERY_MS);
  return () => clearInterval(timer);
}
