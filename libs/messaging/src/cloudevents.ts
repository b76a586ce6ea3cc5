/**
 * CloudEvents 1.0 in Kafka's binary content mode: attributes in `ce_` headers, `datacontenttype` in `content-type`,
 * the data as the record's value. Rule: cloudevents/spec, bindings/kafka-protocol-binding.md.
 */
export interface CloudEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** When it happened. */
  readonly time?: Date;
  readonly subject?: string;
  readonly dataschema?: string;
  /** Default on encode: application/json. Absent when there is no data. */
  readonly datacontenttype?: string;
  /** Names of lower-case letters and digits, for example `correlationid` or `traceparent`. */
  readonly extensions?: Readonly<Record<string, string>>;
}

export type DecodedCloudEvent = { readonly event: CloudEvent } | { readonly reason: string };

const prefix = 'ce_';
const optional = ['subject', 'dataschema'] as const;
const known: ReadonlySet<string> = new Set(['specversion', 'id', 'source', 'type', 'time', ...optional]);
const attributeName = /^[a-z0-9]+$/;

/** The record headers of an event. @throws TypeError on an extension name that CloudEvents does not allow. */
export function cloudEventHeaders(event: CloudEvent): Record<string, string> {
  const headers: Record<string, string> = {
    ce_specversion: '1.0',
    ce_id: event.id,
    ce_source: event.source,
    ce_type: event.type,
    'content-type': event.datacontenttype ?? 'application/json',
  };
  if (event.time !== undefined) headers.ce_time = event.time.toISOString();
  for (const name of optional) {
    const value = event[name];
    if (value !== undefined) headers[prefix + name] = value;
  }
  for (const [name, value] of Object.entries(event.extensions ?? {})) {
    if (!attributeName.test(name) || known.has(name)) throw new TypeError(`not a CloudEvents extension name: ${name}`);
    headers[prefix + name] = value;
  }
  return headers;
}

/** The event in a record's headers, or the reason why there is none. Unknown `ce_` headers are extensions. */
export function cloudEventOf(headers: Readonly<Record<string, string>>): DecodedCloudEvent {
  const { ce_specversion: specversion, ce_id: id, ce_source: source, ce_type: type, ce_time: time } = headers;
  if (specversion === undefined) return { reason: 'no ce_specversion header' };
  if (!specversion.startsWith('1.')) return { reason: `CloudEvents ${specversion} is not supported` };
  if (!id) return { reason: 'no ce_id header' };
  if (!source) return { reason: 'no ce_source header' };
  if (!type) return { reason: 'no ce_type header' };
  const at = time === undefined ? undefined : new Date(time);
  if (at !== undefined && Number.isNaN(at.getTime())) return { reason: 'ce_time is not a time' };
  const extensions: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(prefix) && !known.has(name.slice(prefix.length))) extensions[name.slice(prefix.length)] = value;
  }
  return {
    event: {
      id,
      source,
      type,
      ...(at === undefined ? {} : { time: at }),
      ...(headers.ce_subject === undefined ? {} : { subject: headers.ce_subject }),
      ...(headers.ce_dataschema === undefined ? {} : { dataschema: headers.ce_dataschema }),
      ...(headers['content-type'] === undefined ? {} : { datacontenttype: headers['content-type'] }),
      ...(Object.keys(extensions).length === 0 ? {} : { extensions }),
    },
  };
}
