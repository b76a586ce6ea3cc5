import { Counter, Gauge, Histogram, type Registry } from '@quell/service-kit/metrics';
import type { LiveIndex } from './live/live-index.ts';

export interface SearchMetrics {
  /** @param began of `performance.now()` */
  answered(kind: 'search' | 'suggest', began: number): void;
  /** The client was gone before its turn. */
  abandoned(): void;
}

/**
 * How the index is and how fast it answers. `hash` is that of all ids and versions (their low 48 bits, which a float keeps exactly):
 * replicas at the same position have to show the same one.
 */
export function measureSearch(registry: Registry, live: LiveIndex, watches: () => number): SearchMetrics {
  const registers = [registry];
  const seconds = new Histogram({
    name: 'device_registry_search_seconds',
    help: 'Time from a search until its answer was ready to be sent',
    labelNames: ['kind'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
    registers,
  });
  const abandoned = new Counter({
    name: 'device_registry_search_abandoned_total',
    help: 'Searches whose client was gone before their turn',
    registers,
  });
  const gauge = (name: string, help: string, read: () => number | undefined) =>
    new Gauge({
      name: `device_registry_${name}`,
      help,
      registers,
      collect() {
        const value = read();
        if (value === undefined) this.reset();
        else this.set(value);
      },
    });
  const counts = () => live.figures().index?.counts();
  gauge('index_bytes', 'Memory of the search index without its cache', () => counts()?.bytes);
  gauge('index_cache_bytes', 'Memory of what is kept of earlier searches', () => counts()?.cacheBytes);
  gauge('index_devices', 'Devices in the search index', () => counts()?.devices);
  gauge('index_delta_devices', 'Devices that changed since the base of the index was built', () => counts()?.changes);
  gauge('index_hash', 'Hash of ids and versions in the index, at index_position', () => {
    const hash = counts()?.hash;
    return hash === undefined ? undefined : Number(BigInt(`0x${hash}`) & 0xffff_ffff_ffffn);
  });
  gauge('index_position', 'Number of the last event that the index shows', () =>
    Number(live.figures().position.position),
  );
  gauge('index_lag_seconds', 'How far the index is behind the feed', () => live.figures().lagSeconds);
  gauge('index_build_seconds', 'How long the last build of a base took', () => live.figures().rebuildSeconds);
  gauge('index_builds', 'Bases built by this process', () => live.figures().rebuilds);
  gauge('index_divergences', 'Times that the index was not what Postgres said', () => live.figures().diverged);
  gauge('watches', 'Open watches', watches);
  return {
    answered: (kind, began) => seconds.observe({ kind }, (performance.now() - began) / 1000),
    abandoned: () => abandoned.inc(),
  };
}
