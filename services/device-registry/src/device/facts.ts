import { closeCapabilities, type DeviceFacts } from '@quell/contracts/device';
import { hostnameForm, ipForm } from '@quell/contracts/host-identifiers';
import type { Platform } from '@quell/contracts/vocabulary';
import type { Device, Identity } from './device.ts';

/** Which facts to change and how: those of `DeviceFacts`, without defaults; `null` takes a group or a platform away. */
export type FactChanges = {
  readonly [Name in keyof DeviceFacts]?:
    | DeviceFacts[Name]
    | (Name extends 'group' | 'platform' ? null : never)
    | undefined;
};

/** The facts of a device that nobody told anything about. */
export const unknownFacts: DeviceFacts = {
  model: '',
  label: '',
  capabilities: [],
  hostnames: [],
  ips: [],
  macs: [],
  tags: [],
};

/** Facts in the one form in which they are stored and compared: lists without repeats, capabilities closed, addresses canonical. */
export function normalised<Facts extends FactChanges>(facts: Facts): Facts {
  const { capabilities, hostnames, ips, macs, tags } = facts;
  return {
    ...facts,
    ...(capabilities === undefined ? {} : { capabilities: closeCapabilities(capabilities) }),
    ...(tags === undefined ? {} : { tags: [...new Set(tags)].sort() }),
    ...normalisedLists({ hostnames, ips, macs }),
  };
}

/** The lists of an identity, those that are there, in the same form. */
function normalisedLists({ hostnames, ips, macs }: Pick<FactChanges, 'hostnames' | 'ips' | 'macs'>) {
  return {
    ...(hostnames === undefined ? {} : { hostnames: distinctHostnames(hostnames) }),
    ...(ips === undefined ? {} : { ips: [...new Set(ips.map(ipForm))] }),
    ...(macs === undefined ? {} : { macs: [...new Set(macs)] }),
  };
}

/** What an agent says of its machine. */
export interface Report {
  readonly hostname?: string | undefined;
  readonly ips: readonly string[];
  readonly macs: readonly string[];
  readonly platform?: Platform | undefined;
}

export function identityOfReport({ hostname, ips, macs, platform }: Report): Identity {
  const lists = normalisedLists({
    hostnames: hostname === undefined ? [] : [hostname],
    ips: [...ips],
    macs: [...macs],
  });
  return { hostnames: [], ips: [], macs: [], ...lists, ...(platform === undefined ? {} : { platform }) };
}

/** What people told of a device: that which a registration gives. */
export function givenFacts({ model, label, capabilities, group, tags, given }: Device): DeviceFacts {
  return {
    model,
    label,
    capabilities: [...capabilities],
    hostnames: [...given.hostnames],
    ips: [...given.ips],
    macs: [...given.macs],
    ...(given.platform === undefined ? {} : { platform: given.platform }),
    ...(group === undefined ? {} : { group }),
    tags: [...tags],
  };
}

/** Whether two lists without repeats hold the same values, in whatever order. */
export function sameSet(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  const values = new Set(a);
  return b.every((value) => values.has(value));
}

function distinctHostnames(hostnames: readonly string[]): string[] {
  const byForm = new Map<string, string>();
  for (const hostname of hostnames)
    if (!byForm.has(hostnameForm(hostname))) byForm.set(hostnameForm(hostname), hostname);
  return [...byForm.values()];
}
