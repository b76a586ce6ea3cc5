import type { EndpointHint, NormalisedDetection } from '@quell/contracts/detection';
import type { OutgoingMessage } from '@quell/messaging/broker';
import { cloudEventHeaders } from '@quell/messaging/cloudevents';

/**
 * Kafka judges a batch of records by `max.message.bytes` (1 MiB by default); a detection that leaves no room for
 * the rest of its batch is refused at the door rather than on the way.
 */
export const MAX_VALUE_BYTES = 900_000;

/** The record on `detections.v1` for a detection. Its id is the event id, on which consumers drop repeats. */
export function recordOf(detection: NormalisedDetection): OutgoingMessage & { readonly value: string } {
  return {
    key: partitionKeyOf(detection.endpoint) ?? detection.source,
    value: JSON.stringify(detection),
    headers: cloudEventHeaders({
      id: detection.eventId,
      source: '/services/ingest',
      type: 'quell.detection.v1',
    }),
  };
}

/**
 * What keeps the detections of one endpoint in one partition, in order: the best hint there is. Spellings of one
 * host name or address give one key; MACs were lower-cased by the contract already.
 */
export function partitionKeyOf(hint: EndpointHint): string | undefined {
  if (hint.agentId !== undefined) return hint.agentId;
  if (hint.deviceId !== undefined) return hint.deviceId;
  const mac = hint.macs?.[0];
  if (mac !== undefined) return mac;
  if (hint.hostname !== undefined) return hint.hostname.toLowerCase().replace(/\.$/, '');
  const ip = hint.ips?.[0];
  return ip === undefined ? undefined : canonicalIp(ip);
}

function canonicalIp(ip: string): string {
  // The URL parser writes IPv6 in its shortest form (RFC 5952), in brackets; IPv4 has one spelling only.
  return ip.includes(':') ? new URL(`http://[${ip}]`).hostname.slice(1, -1) : ip;
}
