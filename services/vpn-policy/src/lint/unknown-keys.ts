import { appleDictionary, appleParameter, appleRule } from '@quell/contracts/vpn-apple';
import { WITHHELD } from '@quell/contracts/vpn-formats';
import type { VpnFinding } from '@quell/contracts/vpn-lint';
import { knownKeys, secretName } from '../dialects/apple/known-keys.ts';
import { pointerToken } from '../evaluation/criterion.ts';
import { nearestKey } from './nearest-key.ts';

type Dictionary = Readonly<Record<string, unknown>>;

const ruleKeys = Object.keys(appleRule.shape);
const parameterKeys = Object.keys(appleParameter.shape);
const topKeys = [...Object.keys(appleDictionary.shape), ...knownKeys].filter((key) => key.startsWith('OnDemand'));

/**
 * UNKNOWN_KEY: keys that no client looks at, so that a misspelt condition holds everywhere. Within rules each is an error; around them those
 * that look like an on-demand key are, and those that the store withholds are a warning. No context shows these.
 */
export function unknownKeys(dictionary: unknown): VpnFinding[] {
  if (!isDictionary(dictionary)) return [];
  const rules = listed(dictionary.OnDemandRules).flatMap((rule, index) => {
    const place = `/OnDemandRules/${index}`;
    const entries = isDictionary(rule) ? listed(rule.ActionParameters) : [];
    return [
      ...within(rule, ruleKeys, place, index),
      ...entries.flatMap((entry, at) => within(entry, parameterKeys, `${place}/ActionParameters/${at}`, index)),
    ];
  });
  const around = Object.entries(dictionary).flatMap(([key, value]): VpnFinding[] => {
    if (knownKeys.has(key)) return [];
    const near = nearestKey(key, topKeys);
    const place = `/${pointerToken(key)}`;
    if (near !== null || /^ondemand/i.test(key)) return [unknown(dictionary, key, place, null, near)];
    if (value !== WITHHELD || secretName.test(key)) return [];
    const why = `${key} is none of the keys that Apple documents, so its value is not kept`;
    return [{ ...unknown(dictionary, key, place, null, nearestKey(key, knownKeys)), severity: 'warning', why }];
  });
  return [...rules, ...around];
}

function within(holder: unknown, known: readonly string[], place: string, ruleIndex: number): VpnFinding[] {
  if (!isDictionary(holder)) return [];
  return Object.keys(holder)
    .filter((key) => !known.includes(key))
    .map((key) => unknown(holder, key, `${place}/${pointerToken(key)}`, ruleIndex, nearestKey(key, known)));
}

function unknown(
  holder: Dictionary,
  key: string,
  place: string,
  ruleIndex: number | null,
  near: string | null,
): VpnFinding {
  const value = holder[key];
  const renames = near !== null && value !== WITHHELD && !Object.hasOwn(holder, near);
  const to = `${place.slice(0, place.lastIndexOf('/'))}/${near}`;
  return {
    rule: 'UNKNOWN_KEY',
    severity: 'error',
    place,
    ruleIndex,
    why: `no client looks at ${key}`,
    witness: null,
    fix: {
      text: near === null ? `remove ${key}` : `did you mean ${near}?`,
      patch: renames
        ? [
            { op: 'remove', path: place },
            { op: 'add', path: to, value },
          ]
        : null,
    },
  };
}

function listed(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isDictionary(value: unknown): value is Dictionary {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
