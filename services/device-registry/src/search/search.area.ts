import type { OpenArea } from '../area.ts';
import { serveSearch } from './list/search-routes.ts';
import { LiveIndex } from './live/live-index.ts';
import { measureSearch } from './search-metrics.ts';
import { serveWatch } from './watch/watch-route.ts';
import { Watches } from './watch/watches.ts';

/** Finding devices: the list, suggestions and watches, from an index in this process. */
export const openSearch: OpenArea = ({ config, database, log, lifecycle, health, metrics }) => {
  const pool = database.openPool(config.QUELL_SEARCH_CONNECTIONS);
  const live = new LiveIndex({
    connectionString: config.DATABASE_URL,
    pool,
    log,
    rebuildAt: config.QUELL_SEARCH_REBUILD_AT,
    rebuildSeconds: config.QUELL_SEARCH_REBUILD_SECONDS,
    maxLagSeconds: config.QUELL_SEARCH_MAX_LAG_SECONDS,
    seenPollSeconds: config.QUELL_SEARCH_SEEN_SECONDS,
  });
  const watches = new Watches({
    live,
    pool,
    log,
    most: config.QUELL_WATCHES,
    heartbeatSeconds: config.QUELL_WATCH_HEARTBEAT_SECONDS,
    replayEvents: config.QUELL_WATCH_REPLAY_EVENTS,
    waitingEvents: 20_000,
  });
  const searchMetrics = measureSearch(metrics, live, () => watches.count);
  health.addReadyCheck('search', () => live.unready());
  lifecycle.onStop('consumers', 'search index', () => live.stop());
  lifecycle.onStop('held-requests', 'watches', () => watches.close());
  return {
    prepare: () => live.start(),
    routes: (http, authenticator) => {
      serveSearch(http, { live, pool, metrics: searchMetrics }, authenticator);
      serveWatch(http, { live, watches, lifecycle, log }, authenticator);
    },
  };
};
