import { assertNever } from '@quell/contracts/vocabulary';
import type { AppleReadings } from '@quell/contracts/vpn-apple';

export type DomainMode = AppleReadings['searchDomain'];
export type DomainReadings = Pick<AppleReadings, 'bareStar' | 'topLevelDomains' | 'caseSensitive'>;

/** What remains of an entry without its leading `*` and dots: both of Apple's matchers strip them, so `*.x` also means `x`. */
export function stemOf(entry: string): string {
  return entry.replace(/^\*?\.*/, '').replace(/\.$/, '');
}

/** Whether `name`, a host or a search domain, is one that `entry` means. */
export function matchesDomain(entry: string, name: string, mode: DomainMode, readings: DomainReadings): boolean {
  const fold = (text: string) => (readings.caseSensitive ? text : text.toLowerCase());
  const own = fold(name.replace(/\.$/, ''));
  if (mode === 'equal') return own !== '' && own === fold(entry.replace(/\.$/, ''));
  if (entry === '*') return readings.bareStar === 'all';
  const stem = fold(stemOf(entry));
  if (stem === '') return false;
  switch (mode) {
    case 'label-suffix':
      if (!readings.topLevelDomains && !stem.includes('.')) return false;
      return own === stem || own.endsWith(`.${stem}`);
    case 'raw-suffix':
      return own.endsWith(stem);
    default:
      return assertNever(mode);
  }
}
