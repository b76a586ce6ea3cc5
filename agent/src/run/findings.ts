import type { Target } from '@quell/contracts/run-payload';
import { v5 as uuidv5 } from 'uuid';
import type { Sighting } from '../quarantine/planned-item.ts';

/** What a look at the endpoint says about one threat, before anything is done about it. */
export type Verdict =
  | { readonly is: 'present'; readonly sightings: readonly Sighting[] }
  | { readonly is: 'gone' }
  | { readonly is: 'clean' }
  | { readonly is: 'handled'; readonly by: string }
  | { readonly is: 'failed'; readonly error: string };

export interface Finding {
  readonly threatId: string;
  readonly name: string;
  readonly path?: string;
  readonly sha256?: string;
  readonly verdict: Verdict;
}

/** A finding about a target keeps the target's id and what the target says of itself, unless the look knows better. */
export function findingOf(target: Target, verdict: Verdict): Finding {
  const first = verdict.is === 'present' ? verdict.sightings[0] : undefined;
  const sha256 = first?.sha256 ?? target.sha256;
  return {
    threatId: target.id,
    name: target.name ?? first?.name ?? target.path ?? target.sha256 ?? target.id,
    ...(target.path === undefined ? {} : { path: target.path }),
    ...(sha256 === undefined ? {} : { sha256 }),
    verdict,
  };
}

/**
 * The id of a threat that a scan found: uuidv5(taskId, sha256) (statuses.md). One threat here is one file, so that each can be chosen,
 * cleaned and answered for; a second file with the same content gets uuidv5(taskId, kind + path).
 *
 * @param idsInUse path by threat id, of this run
 */
export function scanThreatId(
  taskId: string,
  sha256: string,
  path: string,
  idsInUse: ReadonlyMap<string, string>,
): string {
  const byContent = uuidv5(sha256, taskId);
  const holder = idsInUse.get(byContent);
  return holder === undefined || holder === path ? byContent : uuidv5(`file${path}`, taskId);
}
