import type { DeviceQuery } from '@quell/contracts/device-query';
import type { Facets } from '@quell/device-query/facets';
import type { Highlight } from '@quell/device-query/highlight';
import type { QueriedDevice } from '@quell/device-query/match';
import type { MatchLevel } from '@quell/device-query/parse-query';
import type { RankClass } from '@quell/device-query/rank';

/** A device as the index holds and answers it. */
export interface IndexedDevice extends QueriedDevice {
  readonly agentId?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly lastSeenAt?: number | undefined;
  /** The version of its stream. */
  readonly version: number;
}

export interface RetiredDevice {
  readonly id: string;
  readonly version: number;
  readonly retired: true;
}

export type DeviceChange = IndexedDevice | RetiredDevice;

/**
 * `relevance` is the order of `@quell/device-query`; `lastSeen` puts the most recent first and devices never seen last; `label` is the
 * natural order of names; `id` goes by the id's letters and digits; `model` by its natural order, then by name. A `-` turns
 * it round, save that devices never seen stay last.
 */
export type SortOrder = 'relevance' | 'lastSeen' | '-lastSeen' | 'label' | '-label' | 'id' | '-id' | 'model' | '-model';

/** Where a page ended: how loosely the words were read, and the last device's place in the order, whose id comes last. JSON. */
export interface PageKey {
  readonly level: MatchLevel;
  readonly values: readonly (string | number)[];
}

export interface SearchRequest {
  readonly query: DeviceQuery;
  /** Without it: `relevance` with words, `lastSeen` without. */
  readonly sort?: SortOrder | undefined;
  /** `nextKey` of the page before, of the same query and sort. */
  readonly after?: PageKey | undefined;
  readonly limit: number;
}

export interface FoundDevice {
  readonly device: IndexedDevice;
  readonly highlights: readonly Highlight[];
}

export interface SearchAnswer {
  readonly items: readonly FoundDevice[];
  /** All devices found, exact. */
  readonly total: number;
  readonly facets: Facets;
  readonly matched: MatchLevel;
  /** Absent on the last page. */
  readonly nextKey?: PageKey;
}

export interface SuggestRequest {
  readonly query: DeviceQuery;
  readonly limit: number;
}

export interface Suggestion {
  readonly id: string;
  readonly label: string;
  readonly model: string;
  readonly class: RankClass;
  readonly highlights: readonly Highlight[];
}

export interface SuggestAnswer {
  readonly items: readonly Suggestion[];
  readonly matched: MatchLevel;
}
