import { Module } from '@nestjs/common';
import { createNotifier } from '@quell/event-store/notify';
import { createAuthenticator } from '@quell/service-kit/authenticator';
import { openDatabase } from '@quell/service-kit/database';
import type { ServiceDefinition } from '@quell/service-kit/start';
import { migrations } from '../database/migrations.ts';
import { SCHEMA } from '../database/schema.ts';
import { deviceRegistryEnvironment } from '../device-registry-environment.ts';
import { openSearch } from './search.area.ts';

@Module({})
class NothingElse {}

/**
 * Search alone, as one replica of the registry runs it: what is written comes from elsewhere.
 *
 * @param building false: its index is never there
 */
export const searchOnly = (building = true) =>
  ({
    name: 'device-registry',
    version: '0.1.0',
    config: deviceRegistryEnvironment,
    setUp: async (context) => {
      const { config, log, lifecycle } = context;
      const database = await openDatabase({
        service: 'device-registry',
        url: config.DATABASE_URL,
        schemas: [SCHEMA],
        migrations,
        log,
      });
      lifecycle.onStop('resources', 'postgres', () => database.close());
      const feed = createNotifier({ connection: { connectionString: config.DATABASE_URL }, schema: SCHEMA });
      lifecycle.onStop('resources', 'feed hints', () => feed.close());
      const { routes, prepare } = await openSearch({ ...context, database, feed, broker: undefined as never });
      if (building) prepare?.();
      return {
        module: NothingElse,
        authenticator: createAuthenticator({ pool: database.pool, log }),
        ...(routes === undefined ? {} : { routes }),
      };
    },
  }) satisfies ServiceDefinition<typeof deviceRegistryEnvironment>;
