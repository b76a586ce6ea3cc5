import type { AppleContext, AppleDictionary, AppleParameter, AppleReadings } from '@quell/contracts/vpn-apple';
import { matchesDomain } from '../match-domain.ts';
import { atomsWithin, domainAtoms } from './atoms.ts';
import { classesOf } from './dimension.ts';

/** What a policy asks about a connection, and how it is read. */
export type ReadPayload = { readonly payload: AppleDictionary; readonly readings: AppleReadings };

type Connecting = Pick<AppleContext, 'connection' | 'dnsServerReachable' | 'probes'>;

/** One host per class that the policies can tell apart; `null` when they name too many domains to compare. */
export function hostClasses(reads: readonly ReadPayload[]): readonly string[] | null {
  const questions = reads.flatMap(({ payload, readings }) => [
    ...parametersOf(payload).map((parameter) => ({ entries: parameter.Domains ?? [], mode: readings.host, readings })),
    ...[payload.OnDemandMatchDomainsNever, payload.OnDemandMatchDomainsAlways, payload.OnDemandMatchDomainsOnRetry].map(
      (entries) => ({ entries: entries ?? [], mode: readings.listHost, readings }),
    ),
  ]);
  const atoms = atomsWithin([...new Set(questions.flatMap((question) => question.entries))], domainAtoms);
  if (atoms === null) return null;
  return classesOf(atoms, (host) =>
    questions.map(({ entries, mode, readings }) => entries.some((entry) => matchesDomain(entry, host, mode, readings))),
  ).map((one) => one.value);
}

/** All entries of ActionParameters of a policy. */
export function parametersOf(payload: AppleDictionary): readonly AppleParameter[] {
  return (payload.OnDemandRules ?? []).flatMap((rule) => rule.ActionParameters ?? []);
}

/**
 * Every class of connections that the policies can tell apart: host, DNS answer, required servers, required probes; `null` when there are
 * more than `limit`.
 */
export function connectionClasses(
  reads: readonly ReadPayload[],
  answers: readonly NonNullable<AppleContext['probes']>[string][],
  limit: number,
): readonly Connecting[] | null {
  const { servers, urls } = required(reads);
  const hosts = hostClasses(reads);
  if (hosts === null || hosts.length * 3 * 2 ** servers.length * answers.length ** urls.length > limit) return null;
  let classes: Connecting[] = hosts.flatMap((host) =>
    // A timeout is to every reading what a name that does not exist is.
    (['resolved', 'nxdomain', 'redirected'] as const).map((dns) => ({ connection: { host, dns } })),
  );
  for (const server of servers) {
    classes = classes.flatMap((one) =>
      [true, false].map((reachable) => ({
        ...one,
        dnsServerReachable: { ...one.dnsServerReachable, [server]: reachable },
      })),
    );
  }
  for (const url of urls) {
    classes = classes.flatMap((one) => answers.map((answer) => ({ ...one, probes: { ...one.probes, [url]: answer } })));
  }
  return classes;
}

/** What ConnectIfNeeded asks for by address. */
export function required(reads: readonly ReadPayload[]): {
  readonly servers: readonly string[];
  readonly urls: readonly string[];
} {
  const parameters = reads
    .flatMap(({ payload }) => parametersOf(payload))
    .filter((parameter) => parameter.DomainAction === 'ConnectIfNeeded');
  return {
    servers: [...new Set(parameters.flatMap((parameter) => parameter.RequiredDNSServers ?? []))],
    urls: [...new Set(parameters.flatMap((parameter) => parameter.RequiredURLStringProbe ?? []))],
  };
}
