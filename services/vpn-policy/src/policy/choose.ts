import type { VpnAssignment } from '@quell/contracts/vpn-policy-events';

/** A device as far as assignments look at it, in the terms of `@quell/device-query`. */
export interface Assignable {
  readonly group?: string | undefined;
}

/** An assignment with its queries made ready. */
export interface ReadyAssignment<Device extends Assignable> {
  readonly policyId: string;
  readonly priority: number;
  /** RFC 3339. */
  readonly since: string;
  readonly groups: ReadonlySet<string>;
  readonly queries: readonly ((device: Device) => boolean)[];
  readonly everyone: boolean;
}

export type By = 'query' | 'group' | 'everyone';

export interface Chosen<Assignment> {
  readonly assignment: Assignment;
  readonly by: By;
}

/** What in an assignment means the device; undefined: nothing does. A group before a query: somebody put the device there. */
export function meansDevice<Device extends Assignable>(
  assignment: ReadyAssignment<Device>,
  device: Device | undefined,
): By | undefined {
  if (device?.group !== undefined && assignment.groups.has(device.group)) return 'group';
  if (device !== undefined && assignment.queries.some((means) => means(device))) return 'query';
  return assignment.everyone ? 'everyone' : undefined;
}

/**
 * The policies that are for a device, the one that holds first. A total order: any that means the device itself before those for everyone,
 * then the greater priority, then a group before a query, then the one that has been assigned for longer, then the lesser id.
 *
 * @param device undefined: one that nobody told of; only those for everyone are for it
 */
export function policiesFor<Device extends Assignable, Assignment extends ReadyAssignment<Device>>(
  device: Device | undefined,
  assignments: readonly Assignment[],
): Chosen<Assignment>[] {
  return assignments
    .flatMap((assignment): Chosen<Assignment>[] => {
      const by = meansDevice(assignment, device);
      return by === undefined ? [] : [{ assignment, by }];
    })
    .sort(inOrder);
}

const rank: Readonly<Record<By, number>> = { group: 0, query: 1, everyone: 2 };

function inOrder(a: Chosen<ReadyAssignment<never>>, b: Chosen<ReadyAssignment<never>>): number {
  return (
    Number(a.by === 'everyone') - Number(b.by === 'everyone') ||
    b.assignment.priority - a.assignment.priority ||
    rank[a.by] - rank[b.by] ||
    Date.parse(a.assignment.since) - Date.parse(b.assignment.since) ||
    (a.assignment.policyId < b.assignment.policyId ? -1 : 1)
  );
}

/** An assignment made ready; `compile` is `compileQuery` of `@quell/device-query`. */
export function readyAssignment<Device extends Assignable>(
  policyId: string,
  { priority, since, groups, queries, everyone }: VpnAssignment & { readonly since: string },
  compile: (query: VpnAssignment['queries'][number]) => (device: Device) => boolean,
): ReadyAssignment<Device> {
  return { policyId, priority, since, groups: new Set(groups), queries: queries.map(compile), everyone };
}
