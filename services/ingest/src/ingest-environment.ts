import { serviceEnvironment } from '@quell/service-kit/config';
import { z } from 'zod';

export const ingestEnvironment = serviceEnvironment.extend({
  /** The administrator's API key, stored as a hash at every start; the launcher makes one at its first start. */
  QUELL_ADMIN_KEY: z.string().min(16, 'must have at least 16 characters').max(512).optional(),
  /** How long Kafka may take to acknowledge before the caller is told to come again. */
  QUELL_PUBLISH_TIMEOUT_SECONDS: z.coerce.number().positive().max(60).default(10),
});
