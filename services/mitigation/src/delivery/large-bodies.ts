import { AGENT_BODY_LIMIT_BYTES } from '@quell/contracts/agent-protocol';
import type { FastifyInstance } from 'fastify';

/** `@RouteConfig` of a call whose body may carry results: one lists up to ten thousand files. */
export const LARGE_BODIES = { bodyLimitBytes: AGENT_BODY_LIMIT_BYTES };

/** Gives routes the body limit that their config names; call it before the first one is registered. Nest offers no other way. */
export function allowLargeBodies(http: FastifyInstance): void {
  http.addHook('onRoute', (route) => {
    const { bodyLimitBytes } = (route.config ?? {}) as Partial<typeof LARGE_BODIES>;
    if (bodyLimitBytes !== undefined) route.bodyLimit = bodyLimitBytes;
  });
}
