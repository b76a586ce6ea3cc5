import type { Principal } from '@quell/service-kit/api-key';

/** How events and jobs name who asked for them. Names can be chosen, ids cannot: the id says who it was, the name helps people. */
export function actorOf({ keyId, name }: Principal): string {
  return `key:${keyId} (${name})`;
}
