import { z } from 'zod';

/** What a task is for. Source: the task column of the status table in the seed text. */
export const taskKind = z.enum([
  'threat-mitigation',
  'on-demand-scan',
  'post-installation-scan',
  'user-initiated-event',
]);
export type TaskKind = z.infer<typeof taskKind>;

/** Who asked for a task. An on-demand scan by `user` and one by `administrator` reach different statuses. */
export const taskInitiator = z.enum(['user', 'administrator', 'system', 'source']);
export type TaskInitiator = z.infer<typeof taskInitiator>;

/** What one run of a task does on the endpoint. */
export const runMode = z.enum(['assess', 'mitigate', 'scan', 'rollback']);
export type RunMode = z.infer<typeof runMode>;

/** OCSF `severity_id`: 0 unknown, 1 informational, 2 low, 3 medium, 4 high, 5 critical, 6 fatal, 99 other. */
export const severity = z.union([z.int().min(0).max(6), z.literal(99)]);
export type Severity = z.infer<typeof severity>;

export const platform = z.enum(['windows', 'macos', 'linux', 'ios', 'android', 'chromeos', 'other']);
export type Platform = z.infer<typeof platform>;

export const threatKind = z.enum(['file', 'process', 'registry-key', 'service', 'network', 'other']);
export type ThreatKind = z.infer<typeof threatKind>;

/** Any UUID as people and programs write it; folded to the lower case that the store keeps (RFC 9562, section 4). */
export const uuid = z.uuid().toLowerCase();

/** Text that every store and reader of ours holds as it came: Postgres knows no U+0000, UTF-8 no half of a surrogate pair. */
const isStorable = (value: string): boolean => value.isWellFormed() && !value.includes('\0');
const notStorable = 'must be well-formed Unicode without U+0000';

/** Free text of at most `max` code points, in whatever is sent to us. */
export const text = (max: number) => z.string().max(max).refine(isStorable, notStorable);

/** A file's or folder's path as its own system writes it. */
export const path = text(4096).min(1);

export const url = z.url().refine(isStorable, notStorable);

const firstInstant = Date.parse('0001-01-01T00:00:00Z');
const longest = '2026-11-23T10:00:00.123456789+00:00'.length;
const lastInstant = Date.parse('9999-12-31T23:59:59.999Z');

/** What Postgres reads, and JavaScript writes in UTC again: there the year 0 and offsets from 16 hours do not exist. */
function isInReach(value: string): boolean {
  if (value.startsWith('0000') || value.length > longest) return false;
  const instant = Date.parse(value);
  const offsetHours = /[+-](\d\d):\d\d$/.exec(value)?.[1] ?? '0';
  return instant >= firstInstant && instant < lastInstant && Number(offsetHours) < 16;
}

/** RFC 3339 with an offset or `Z`. A time without a zone is refused: its meaning would depend on the reader. */
export const timestamp = z.iso
  .datetime({ offset: true })
  .refine(
    isInReach,
    'must be within the years 1 to 9999, with an offset below 16 hours and at most 9 digits of a second',
  );

/** Lower-case hex SHA-256; upper case is folded on the way in. */
export const sha256 = z
  .string()
  .regex(/^[0-9a-fA-F]{64}$/, 'must be 64 hexadecimal digits')
  .transform((hex) => hex.toLowerCase());

export const ipAddress = z.union([z.ipv4(), z.ipv6()]);

export const macAddress = z
  .string()
  .regex(/^([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}$/, 'must be six hexadecimal pairs separated by ":" or "-"')
  .transform((mac) => mac.toLowerCase().replaceAll('-', ':'));

export const hostname = text(253).min(1);

/** A device's printed or known ID: 1–128 characters, given by whoever knows it. */
export const deviceId = text(128).min(1);

/** What stands in the place of an id in the paths below `/v1/devices/`. */
export const reservedDeviceIds: readonly string[] = [
  'bulk',
  'export',
  'import',
  'jobs',
  'suggest',
  'unresolved-agents',
  'watch',
];

/** Whether `/v1/devices/{id}` names the device with this id: `.` and `..` mean something else in every URL (RFC 3986, 5.2.4). */
export function isDeviceIdOfPath(id: string): boolean {
  return id !== '.' && id !== '..' && !reservedDeviceIds.includes(id);
}

/** RFC 7638 thumbprint (base64url SHA-256) of an agent's public JWK. */
export const agentId = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be an RFC 7638 thumbprint');

/** The one place that a `switch` over a union ends; reaching it at run time is a defect. */
export function assertNever(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
