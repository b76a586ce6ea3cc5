import { assertNever } from '@quell/contracts/vocabulary';
import { type DomainMode, type DomainReadings, stemOf } from '../match-domain.ts';

/** `matchesDomain` for a whole list of entries, which are folded once: whether any of them means the name. */
export function compileDomains(
  entries: readonly string[],
  mode: DomainMode,
  readings: DomainReadings,
): (name: string) => boolean {
  const fold = (text: string) => (readings.caseSensitive ? text : text.toLowerCase());
  const own = (name: string) => fold(name.endsWith('.') ? name.slice(0, -1) : name);
  if (mode === 'equal') {
    const names = new Set(entries.map((entry) => own(entry)).filter((entry) => entry !== ''));
    return (name) => names.has(own(name));
  }
  if (readings.bareStar === 'all' && entries.includes('*')) return () => true;
  const stems = entries.flatMap((entry) => {
    const stem = entry === '*' ? '' : fold(stemOf(entry));
    return stem === '' ? [] : [stem];
  });
  switch (mode) {
    case 'label-suffix': {
      const known = new Set(stems.filter((stem) => readings.topLevelDomains || stem.includes('.')));
      return (name) => hasSuffix(known, own(name));
    }
    case 'raw-suffix':
      return (name) => {
        const folded = own(name);
        return stems.some((stem) => folded.endsWith(stem));
      };
    default:
      return assertNever(mode);
  }
}

/** Whether the name or any of its parents is known: as many look-ups as it has labels, however long the list. */
function hasSuffix(known: ReadonlySet<string>, name: string): boolean {
  if (known.has(name)) return true;
  for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
    if (known.has(name.slice(dot + 1))) return true;
  }
  return false;
}
