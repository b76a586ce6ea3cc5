import { hash, randomUUID } from 'node:crypto';
import { recordOf } from '@quell/ingest/intake/record';
import { normaliseNative } from '@quell/ingest/sources/native';
import type { OutgoingMessage } from '@quell/messaging/broker';

/** A machine that detections name the way most sources do: by host name and address. */
export interface Host {
  readonly hostname: string;
  readonly ip: string;
}

export function someHosts(count: number): Host[] {
  return Array.from({ length: count }, (_, n) => ({
    hostname: `host-${n}.example.org`,
    ip: `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`,
  }));
}

/** A file on a host: detections of the same one go to the same task. */
export interface Sighting {
  readonly host: Host;
  readonly path: string;
}

/** One native detection of a file, as a source posts it: about 400 bytes. */
export function nativeOf({ host, path }: Sighting): Record<string, unknown> {
  return {
    source: 'edr',
    sourceId: randomUUID(),
    detectedAt: new Date().toISOString(),
    severity: 4,
    endpoint: { hostname: host.hostname, ips: [host.ip] },
    threat: { name: 'Trojan.GenericKD.4711', kind: 'file', path, sha256: hash('sha256', path), technique: 'T1204.002' },
    actionTaken: { by: 'edr', action: 'blocked' },
  };
}

/** The record on `detections.v1` that ingest makes of it. */
export function recordFor(sighting: Sighting): OutgoingMessage {
  const normalised = normaliseNative(nativeOf(sighting), new Date());
  if (normalised.kind === 'refused') throw new Error(`no detection: ${JSON.stringify(normalised.errors)}`);
  return recordOf(normalised.detection);
}

export interface Stream {
  /** The next `count` sightings. */
  next(count: number): Sighting[];
  /** Tasks opened by all sightings so far, when each went where it should. */
  readonly opened: number;
}

/**
 * Sightings in the order in which they come in: `newShare` (0 to 1) of files nobody saw yet, the others of one of `known` or of the
 * last thousand of this stream.
 */
export function sightings(hosts: readonly Host[], newShare: number, known: readonly Sighting[] = []): Stream {
  const run = randomUUID();
  const recent: Sighting[] = [];
  let opened = 0;
  let debt = 0;
  const fresh = (): Sighting => {
    const host = hosts[opened % hosts.length]!;
    const one = { host, path: `/srv/ann/downloads/${run}/${opened}.exe` };
    recent[opened % 1000] = one;
    opened++;
    return one;
  };
  const pick = (from: readonly Sighting[]) => from[Math.floor(Math.random() * from.length)]!;
  return {
    next: (count) =>
      Array.from({ length: count }, () => {
        debt += newShare;
        if (debt >= 1 || recent.length === 0) {
          debt -= 1;
          return fresh();
        }
        return known.length > 0 && Math.random() < 0.5 ? pick(known) : pick(recent);
      }),
    get opened() {
      return opened;
    },
  };
}
