import { applePayload } from '@quell/contracts/vpn-apple';
import type { VpnFinding } from '@quell/contracts/vpn-lint';
import { contextWhere, type Subject, witness } from './subject.ts';

/** MISPLACED_KEY: on-demand keys of the whole payload or of PPP, where no client looks for them. */
export function misplaced(policy: unknown, subject: Subject, base: string): VpnFinding[] {
  if (base === '' || !isDictionary(policy)) return [];
  return ['', '/PPP'].flatMap((where) => {
    const holder = where === '' ? policy : policy.PPP;
    if (!isDictionary(holder)) return [];
    const lost = Object.entries(holder).filter(([key]) => key.startsWith('OnDemand'));
    const [first] = lost;
    if (first === undefined) return [];
    const meant = applePayload.safeParse({ ...subject.payload, ...Object.fromEntries(lost) });
    const would = meant.success
      ? contextWhere(
          { ...subject, payload: meant.data },
          ({ decision }) => decision === 'connect' || decision === 'disconnect',
        )
      : null;
    return [
      {
        rule: 'MISPLACED_KEY',
        severity: 'error',
        place: `${where}/${first[0]}`,
        ruleIndex: null,
        why: `${lost.map(([key]) => key).join(', ')}: looked for in ${base.slice(1)} only`,
        witness: witness(subject, would),
        fix: {
          text: `move them into ${base.slice(1)}`,
          patch: lost.flatMap(([key, value]) => [
            { op: 'remove' as const, path: `${where}/${key}` },
            { op: 'add' as const, path: `${base}/${key}`, value },
          ]),
        },
      },
    ];
  });
}

function isDictionary(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
