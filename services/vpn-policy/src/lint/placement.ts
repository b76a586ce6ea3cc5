import { appleDictionary } from '@quell/contracts/vpn-apple';
import type { VpnFinding } from '@quell/contracts/vpn-lint';
import { contextWhere, type Subject, witness } from './subject.ts';

const holders = ['', '/VPN', '/IPSec', '/IKEv2', '/TransparentProxy', '/PPP'];

/** MISPLACED_KEY: on-demand keys of the whole payload or of a dictionary in it where no client looks for them. */
export function misplaced(policy: unknown, subject: Subject, base: string): VpnFinding[] {
  if (base === '' || !isDictionary(policy)) return [];
  const type = holders.includes(base) ? base.slice(1) : null;
  return holders.flatMap((where): VpnFinding[] => {
    const holder = where === '' ? policy : policy[where.slice(1)];
    if (where === base || !isDictionary(holder)) return [];
    const lost = Object.entries(holder).filter(([key]) => key.startsWith('OnDemand'));
    const [first] = lost;
    if (first === undefined) return [];
    const meant = appleDictionary.safeParse({ ...subject.payload, ...Object.fromEntries(lost) });
    const would = meant.success
      ? contextWhere(
          { ...subject, payload: meant.data },
          ({ decision }) => decision === 'connect' || decision === 'disconnect',
        )
      : null;
    const keys = lost.map(([key]) => key).join(', ');
    return [
      {
        rule: 'MISPLACED_KEY',
        severity: 'error',
        place: `${where}/${first[0]}`,
        ruleIndex: null,
        why:
          type === null
            ? `${keys}: nobody looks for them where VPNType is ${JSON.stringify(policy.VPNType) ?? 'missing'}`
            : `${keys}: looked for in ${type} only`,
        witness: witness(subject, would),
        fix:
          type === null
            ? { text: 'name a VPNType whose dictionary has them: VPN, IPSec, IKEv2 or TransparentProxy', patch: null }
            : {
                text: `move them into ${type}`,
                patch: [
                  ...(isDictionary(policy[type]) ? [] : [{ op: 'add' as const, path: base, value: {} }]),
                  ...lost.flatMap(([key, value]) => [
                    { op: 'remove' as const, path: `${where}/${key}` },
                    { op: 'add' as const, path: `${base}/${key}`, value },
                  ]),
                ],
              },
      },
    ];
  });
}

function isDictionary(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
