import { type DeviceCapability, deviceCapabilities } from '@quell/contracts/device';
import type { DeviceQuery } from '@quell/contracts/device-query';
import { featureMask, passesFeatures } from './match.ts';
import { compareText } from './rank.ts';

export interface CapabilityFacet {
  /** How many devices would be found if this capability were added to the selection, in its mode. */
  readonly count: number;
  /** How many devices with it there are for the text and the other filters, whatever is selected. */
  readonly own: number;
}

/** The most frequent values of a field among the devices found. Devices without a value are not counted. */
export interface ValueFacet {
  readonly values: readonly { readonly value: string; readonly count: number }[];
  /** How many further distinct values there are. */
  readonly others: number;
}

export interface Facets {
  readonly capabilities: Readonly<Record<DeviceCapability, CapabilityFacet>>;
  readonly models: ValueFacet;
  readonly groups: ValueFacet;
}

/** So many values are answered of a field, at most. */
export const facetValueLimit = 100;

/**
 * @param histogram how many devices there are per capability mask, for the text and all filters but the features.
 * @returns the counts of every capability, none left out.
 */
export function capabilityFacets(
  histogram: Iterable<readonly [mask: number, count: number]>,
  { feature, match }: Pick<DeviceQuery, 'feature' | 'match'>,
): Record<DeviceCapability, CapabilityFacet> {
  const selected = featureMask(feature);
  const own = deviceCapabilities.map(() => 0);
  const added = deviceCapabilities.map(() => 0);
  for (const [mask, count] of histogram) {
    for (let index = 0; index < own.length; index++) {
      if ((mask & (1 << index)) !== 0) own[index]! += count;
      if (passesFeatures(mask, selected | (1 << index), match)) added[index]! += count;
    }
  }
  const entries = deviceCapabilities.map((name, index) => [name, { count: added[index]!, own: own[index]! }]);
  return Object.fromEntries(entries) as Record<DeviceCapability, CapabilityFacet>;
}

/** @param counts how often each value occurs among the devices found. Largest first, then in code point order. */
export function valueFacet(counts: Iterable<readonly [value: string, count: number]>): ValueFacet {
  const values = [...counts].filter(([value, count]) => value !== '' && count > 0);
  values.sort(([a, countA], [b, countB]) => countB - countA || compareText(a, b));
  return {
    values: values.slice(0, facetValueLimit).map(([value, count]) => ({ value, count })),
    others: Math.max(0, values.length - facetValueLimit),
  };
}
