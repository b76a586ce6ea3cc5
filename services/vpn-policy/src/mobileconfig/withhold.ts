import type { FilePlace } from '@quell/contracts/file-place';
import { jsonPointer } from '@quell/contracts/problem';
import { WITHHELD, type WithheldValue } from '@quell/contracts/vpn-formats';
import { knownKeys, secretName } from '../dialects/apple/known-keys.ts';
import { withoutCredentials } from '../evaluation/without-credentials.ts';
import { Refusal } from '../formats/refusal.ts';
import { isTemplate, isVariable } from '../formats/templates.ts';
import type { PlistValue } from '../plist/plist-value.ts';

/** A payload as JSON without what may be a secret. */
export type Taken = {
  readonly document: Record<string, unknown>;
  /** Where each value stands in the file, by JSON pointer. */
  readonly places: ReadonlyMap<string, FilePlace>;
  readonly withheld: readonly WithheldValue[];
  readonly variables: readonly string[];
};

/**
 * Takes over a payload: keys that Apple documents and that hold no secret; of all others the mark {@link WITHHELD} in place of the value.
 * A variable that was not filled in refuses the file where decisions hang on it, and is listed elsewhere.
 */
export function withholdSecrets(payload: PlistValue & { kind: 'dict' }): Taken {
  const places = new Map<string, FilePlace>();
  const withheld: WithheldValue[] = [];
  const variables: string[] = [];

  const withhold = (place: string, why: WithheldValue['why']) => {
    withheld.push({ place, why });
    return WITHHELD;
  };
  /** @param keys the keys of dictionaries on the way, those of arrays left out */
  const take = (value: PlistValue, path: readonly string[], keys: readonly string[]): unknown => {
    const place = jsonPointer(path);
    places.set(place, value.at);
    // What a vendor's own text holds nobody knows; a dictionary has keys that Apple documents.
    const vendors = value.kind !== 'dict' && value.kind !== 'array' && keys.at(-1) === 'VendorConfig';
    const why = vendors ? 'vendor' : reasonToWithhold(keys);
    if (why !== null) return withhold(place, why);
    switch (value.kind) {
      case 'data':
        return withhold(place, 'data');
      case 'dict': {
        const entries = [...value.entries].map(([key, entry]): [string, unknown] => {
          refuseUnfilled(key, 'key', entry.keyAt);
          return [key, take(entry.value, [...path, key], [...keys, key])];
        });
        // A key may be `__proto__`: fromEntries defines it, an assignment would not.
        return Object.fromEntries(entries);
      }
      case 'array':
        return value.items.map((item, index) => take(item, [...path, String(index)], keys));
      case 'string': {
        const use = useOf(keys);
        refuseUnfilled(value.value, use, value.at);
        if (isVariable(value.value)) variables.push(place);
        const scrubbed = withoutCredentials(value.value);
        if (scrubbed !== value.value) withheld.push({ place, why: 'secret' });
        return scrubbed;
      }
      default:
        return value.value;
    }
  };
  const document = take(payload, [], []) as Record<string, unknown>;
  return { document, places, withheld, variables };
}

/** Whether the value under these keys stays here. */
function reasonToWithhold(keys: readonly string[]): WithheldValue['why'] | null {
  const key = keys.at(-1);
  if (key === undefined || knownKeys.has(key)) return null;
  if (secretName.test(key)) return 'secret';
  return keys.includes('VendorConfig') ? 'vendor' : 'unknown-key';
}

/** What a text is for: decisions hang on it, it may hold any characters (a network's name), or it decides nothing. */
type Use = 'key' | 'word' | 'name' | 'url' | 'ssid' | 'free';

const words = new Set([
  'PayloadType',
  'VPNType',
  'Action',
  'DomainAction',
  'InterfaceTypeMatch',
  'AuthenticationMethod',
]);

function useOf(keys: readonly string[]): Use {
  const key = keys.at(-1) ?? '';
  if (words.has(key)) return 'word';
  if (key === 'SSIDMatch') return 'ssid';
  if (key === 'URLStringProbe' || key === 'RequiredURLStringProbe') return 'url';
  return keys.some((one) => one.startsWith('OnDemand')) ? 'name' : 'free';
}

function refuseUnfilled(text: string, use: Use, at: FilePlace): void {
  if (use === 'free') return;
  const unfilled = use === 'word' || use === 'name' ? isVariable(text) : isTemplate(text);
  if (unfilled) throw new Refusal('template', `a ${use === 'key' ? 'key' : 'value'} that was not filled in`, at);
}
