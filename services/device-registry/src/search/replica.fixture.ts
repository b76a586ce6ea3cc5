import { randomUUID } from 'node:crypto';
import type { DevicePage } from '@quell/contracts/device-search';
import type { FeedCursor } from '@quell/event-store/feed';
import { newApiKey } from '@quell/service-kit/api-key';
import { type RunningService, startService } from '@quell/service-kit/start';
import { eventually } from '@quell/testing/eventually';
import { type TestDatabase, testDatabase } from '../database/test-database.fixture.ts';
import { positionText } from '../device-store/position.ts';
import { searchOnly } from './search-only.fixture.ts';

export interface Answer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Body;
}

export interface Replica {
  readonly service: RunningService;
  get<Body = DevicePage>(path: string, init?: RequestInit): Promise<Answer<Body>>;
  /** All pages of a query. */
  pages(path: string): Promise<DevicePage[]>;
  ready(): Promise<void>;
  /** Waits until it shows a position: the feed waits for writers of other tests' databases too. */
  reached(position: FeedCursor): Promise<void>;
  stop(): Promise<void>;
}

/** A database of the registry, with a key that may read devices, for any number of replicas. */
export interface SearchScene {
  readonly database: TestDatabase;
  readonly key: string;
  /** @param started without it the index is never built */
  replica(environment?: Record<string, string>, started?: boolean): Promise<Replica>;
  drop(): Promise<void>;
}

export async function searchScene(): Promise<SearchScene> {
  const database = await testDatabase();
  const { secret, hash } = newApiKey();
  // The part of ingest's schema that judging an API key needs.
  await database.pool.query(`CREATE SCHEMA auth; CREATE TABLE auth.api_key (id uuid, name text, hash bytea, scopes text[],
    expires_at timestamptz, revoked_at timestamptz, last_used_at timestamptz)`);
  const values = [randomUUID(), 'test', hash, ['devices:read']];
  await database.pool.query('INSERT INTO auth.api_key (id, name, hash, scopes) VALUES ($1, $2, $3, $4)', values);
  const running: Replica[] = [];
  return {
    database,
    key: secret,
    replica: async (environment = {}, started = true) => {
      const replica = await startReplica(database.fresh.url, secret, environment, started);
      running.push(replica);
      return replica;
    },
    drop: async () => {
      await Promise.all(running.map((replica) => replica.stop()));
      await database.drop();
    },
  };
}

async function startReplica(
  url: string,
  key: string,
  environment: Record<string, string>,
  started: boolean,
): Promise<Replica> {
  const service = await startService(searchOnly(started), {
    DATABASE_URL: url,
    KAFKA_BROKERS: 'nobody:1',
    QUELL_LOG_LEVEL: 'silent',
    QUELL_SEARCH_SEEN_SECONDS: '0.05',
    ...environment,
  });
  const get: Replica['get'] = async (path, init = {}) => {
    const response = await fetch(`${service.url}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${key}`, ...init.headers },
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: JSON.parse(text) };
  };
  return {
    service,
    get,
    pages: async (path) => {
      const pages: DevicePage[] = [];
      for (let cursor: string | undefined = ''; cursor !== undefined; cursor = pages.at(-1)?.nextCursor) {
        const { status, body, text } = await get(`${path}${cursor === '' ? '' : `&cursor=${cursor}`}`);
        if (status !== 200) throw new Error(`${path}: ${status} ${text}`);
        pages.push(body);
      }
      return pages;
    },
    ready: async () => {
      await eventually(async () => (await fetch(`${service.url}/readyz`)).ok);
    },
    reached: async (position) => {
      const path = `/v1/devices?limit=1&minPosition=${positionText(position)}&waitMs=1000`;
      await eventually(async () => (await get(path)).body.stale === undefined, { timeoutMs: 30_000 });
    },
    stop: () => service.stop('the test is over'),
  };
}
