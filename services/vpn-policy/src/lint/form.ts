import { type AppleDictionary, appleDictionary } from '@quell/contracts/vpn-apple';
import type { VpnFinding } from '@quell/contracts/vpn-lint';
import { pointerToken } from '../evaluation/criterion.ts';

type Form = { readonly payload: AppleDictionary | null; readonly findings: VpnFinding[] };

/** Whether the evaluator can read the dictionary at all: WRONG_TYPE, UNKNOWN_ENUM, MISSING_REQUIRED_KEY. No context can show these. */
export function form(dictionary: unknown): Form {
  const parsed = appleDictionary.safeParse(dictionary);
  if (parsed.success) return { payload: parsed.data, findings: [] };
  const findings = parsed.error.issues.map((issue): VpnFinding => {
    const path = issue.path.map(String);
    const place = path.map((key) => `/${pointerToken(key)}`).join('');
    const found = path.reduce<unknown>(
      (value, key) => (value as Record<string, unknown> | null | undefined)?.[key],
      dictionary,
    );
    const about = {
      place,
      ruleIndex: path[0] === 'OnDemandRules' && path.length > 1 ? Number(path[1]) : null,
      witness: null,
    };
    const text = `write ${issue.message.replace(/^Invalid \w+: expected /, '').replace(/, received.*/, '')}`;
    if (found === undefined) {
      return {
        ...about,
        rule: 'MISSING_REQUIRED_KEY',
        severity: 'error',
        why: `${path.at(-1)} is missing`,
        fix: { text, patch: null },
      };
    }
    if (issue.code === 'invalid_value' && typeof found === 'string') {
      return {
        ...about,
        rule: 'UNKNOWN_ENUM',
        severity: 'error',
        why: `${JSON.stringify(found)} is none of its values`,
        fix: { text, patch: null },
      };
    }
    const bit = typeof found === 'boolean' && path.at(-1) === 'OnDemandEnabled';
    return {
      ...about,
      rule: 'WRONG_TYPE',
      severity: 'error',
      why: issue.message,
      fix: { text, patch: bit ? [{ op: 'replace', path: place, value: Number(found) }] : null },
    };
  });
  return { payload: null, findings };
}
