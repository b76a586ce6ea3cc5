/** The services behind the gateway, by the name they have in the design. */
export type ServiceName = 'ingest' | 'mitigation' | 'device-registry' | 'vpn-policy';

const serviceNames: ReadonlySet<string> = new Set<ServiceName>([
  'ingest',
  'mitigation',
  'device-registry',
  'vpn-policy',
]);

/** First path segment under `/v1` of what is not mitigation's. Source: design.md, the table of calls. */
const ownerOf: Readonly<Record<string, ServiceName>> = {
  sources: 'ingest',
  'api-keys': 'ingest',
  devices: 'device-registry',
  vpn: 'vpn-policy',
};

/** Which service answers a call below `/v1`. `url` is the path with its query, as it came. */
export function serviceFor(method: string, url: string): ServiceName {
  const [, , first = '', second = ''] = (url.split('?', 1)[0] ?? '').split('/');
  // Handing detections in and looking at them are two services' work.
  if (first === 'detections') return method === 'POST' && second === '' ? 'ingest' : 'mitigation';
  if (first === 'dead-letters') return isServiceName(second) ? second : 'ingest';
  return Object.hasOwn(ownerOf, first) ? (ownerOf[first] ?? 'mitigation') : 'mitigation';
}

export function isServiceName(name: string): name is ServiceName {
  return serviceNames.has(name);
}
