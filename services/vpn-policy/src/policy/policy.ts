import { assertNever } from '@quell/contracts/vocabulary';
import type { VpnAssignment, VpnPolicyContent, VpnPolicyEvent } from '@quell/contracts/vpn-policy-events';

/** One publication. */
export interface PolicyVersion {
  readonly number: number;
  /** The publication that its content was first published with: its own number, unless it is a rollback. */
  readonly source: number;
  readonly publishedAt: string;
  readonly publishedBy: string;
  readonly reason: string;
  readonly acceptedFindings: readonly string[];
  /** Set for a rollback. */
  readonly restores?: number;
}

interface Facts {
  readonly id: string;
  readonly name: string;
  readonly description?: string | undefined;
  /** What the next publication would be. */
  readonly draft: VpnPolicyContent;
  readonly versions: readonly PolicyVersion[];
  /** By the number that they were first published with. */
  readonly contents: Readonly<Record<number, VpnPolicyContent>>;
  /** Which devices it is for; `since` counts from when it was first for any. */
  readonly assignment?: VpnAssignment & { readonly since: string };
  readonly createdAt: string;
  readonly createdBy: string;
  readonly updatedAt: string;
  /** Of its stream. */
  readonly version: number;
}

/** `draft`: never published. Only a published one decides for devices; a retired one never does again. */
export type Policy = Facts &
  ({ readonly state: 'draft' } | { readonly state: 'published' } | { readonly state: 'retired' });

/** An event with what its envelope adds. Times are RFC 3339. */
export type RecordedPolicyEvent = VpnPolicyEvent & {
  readonly streamId: string;
  readonly version: number;
  readonly recordedAt: string;
  readonly actor: string;
};

/** The version in force; undefined before the first publication. A retired policy keeps the last one, to look at. */
export function versionInForce(policy: Policy): PolicyVersion | undefined {
  return policy.versions.at(-1);
}

/** What a version says; undefined for a number that was never published. */
export function contentOf(policy: Policy, number: number): VpnPolicyContent | undefined {
  const version = policy.versions[number - 1];
  return version === undefined ? undefined : policy.contents[version.source];
}

export function foldPolicy(events: Iterable<RecordedPolicyEvent>): Policy | undefined {
  let policy: Policy | undefined;
  for (const event of events) policy = evolve(policy, event);
  return policy;
}

/** @throws Error for an event that cannot follow: the stream is broken */
export function evolve(policy: Policy | undefined, event: RecordedPolicyEvent): Policy {
  const { recordedAt: at, actor, version } = event;
  if (event.type === 'PolicyDrafted') {
    if (policy !== undefined) throw new Error(`policy ${policy.id} was drafted twice`);
    const { name, description, content } = event.data;
    const created = { createdAt: at, createdBy: actor, updatedAt: at, version };
    return {
      id: event.streamId,
      state: 'draft',
      name,
      description,
      draft: content,
      versions: [],
      contents: {},
      ...created,
    };
  }
  if (policy === undefined) throw new Error(`policy ${event.streamId} begins with ${event.type}`);
  const changed = { ...policy, updatedAt: at, version };
  switch (event.type) {
    case 'PolicyDraftEdited': {
      const { name, description, content } = event.data;
      return { ...changed, name, description, draft: content };
    }
    case 'PolicyPublished': {
      const { number, content, acceptedFindings, reason } = event.data;
      const publication = { number, source: number, publishedAt: at, publishedBy: actor, reason, acceptedFindings };
      const versions = [...policy.versions, publication];
      return { ...changed, state: 'published', versions, contents: { ...policy.contents, [number]: content } };
    }
    case 'PolicyRolledBack': {
      const { number, restores, reason } = event.data;
      const restored = policy.versions[restores - 1];
      if (restored === undefined) throw new Error(`policy ${policy.id} rolls back to ${restores}, which is not there`);
      const publication = { ...restored, number, restores, publishedAt: at, publishedBy: actor, reason };
      return { ...changed, state: 'published', versions: [...policy.versions, publication] };
    }
    case 'PolicyAssigned': {
      const { reason: _, ...assignment } = event.data;
      return { ...changed, assignment: { ...assignment, since: policy.assignment?.since ?? at } };
    }
    case 'PolicyUnassigned': {
      const { assignment: _, ...rest } = changed;
      return rest;
    }
    case 'PolicyRetired': {
      const { assignment: _, ...rest } = changed;
      return { ...rest, state: 'retired' };
    }
    default:
      return assertNever(event);
  }
}
