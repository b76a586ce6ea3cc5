import { createAuthenticator } from '@quell/service-kit/authenticator';
import { serviceEnvironment } from '@quell/service-kit/config';
import { openDatabase } from '@quell/service-kit/database';
import type { ServiceDefinition } from '@quell/service-kit/start';
import { z } from 'zod';
import { keepRawBody } from './agents/signature/raw-body.ts';
import { entities, migrations } from './database/data-source.ts';
import { SCHEMA } from './database/schema.ts';
import { mitigationModule } from './mitigation.module.ts';

export const mitigationEnvironment = serviceEnvironment.extend({
  /** How long a check-in without work is held open. */
  QUELL_POLL_HOLD_SECONDS: z.coerce.number().min(0).max(55).default(50),
  /** What agents are told to wait between two check-ins. */
  QUELL_POLL_PAUSE_SECONDS: z.coerce.number().min(0).max(3600).default(1),
});

export const mitigationService = {
  name: 'mitigation',
  version: '0.1.0',
  config: mitigationEnvironment,
  setUp: async ({ config, log, lifecycle, health }) => {
    const database = await openDatabase({
      service: 'mitigation',
      url: config.DATABASE_URL,
      migrationUrl: config.QUELL_MIGRATION_DATABASE_URL,
      schemas: [SCHEMA],
      migrations,
      entities,
      log,
    });
    lifecycle.onStop('resources', 'postgres', () => database.close());
    health.addReadyCheck('postgres', () => database.ping());
    const poll = { holdSeconds: config.QUELL_POLL_HOLD_SECONDS, nextPollSeconds: config.QUELL_POLL_PAUSE_SECONDS };
    return {
      module: mitigationModule({ database, poll }),
      authenticator: createAuthenticator({ pool: database.pool, log }),
      routes: keepRawBody,
    };
  },
} satisfies ServiceDefinition<typeof mitigationEnvironment>;
