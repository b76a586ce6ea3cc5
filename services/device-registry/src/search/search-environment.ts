import { z } from 'zod';

const seconds = z.coerce.number().positive();

/** What search reads from the environment of the registry. */
export const searchEnvironment = {
  /** Connections for when devices were seen, for replays of watches and for answers without an index. */
  QUELL_SEARCH_CONNECTIONS: z.coerce.number().int().min(1).default(5),
  /** So many changed devices beside the base of the index lead to a new base. */
  QUELL_SEARCH_REBUILD_AT: z.coerce.number().int().min(1).default(5_000),
  /** A new base, and with it the comparison of the index with Postgres, comes at least so often. */
  QUELL_SEARCH_REBUILD_SECONDS: seconds.default(3_600),
  /** Not ready while the index is further behind the feed. */
  QUELL_SEARCH_MAX_LAG_SECONDS: seconds.default(30),
  /** Pause between two looks at when devices were seen. */
  QUELL_SEARCH_SEEN_SECONDS: seconds.default(1),
  /** Open watches of one replica. */
  QUELL_WATCHES: z.coerce.number().int().min(0).default(500),
  QUELL_WATCH_HEARTBEAT_SECONDS: seconds.default(15),
  /** A watch that resumes further back than so many events is reset. */
  QUELL_WATCH_REPLAY_EVENTS: z.coerce.number().int().min(0).default(100_000),
};
