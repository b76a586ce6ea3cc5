import {
  type Backup,
  goodOutcomes,
  MAX_LISTED,
  type ReportedThreat,
  type RollbackItem,
  type RunResult,
} from '@quell/contracts/run-result';
import { fitText } from './fit-text.ts';

const SHORT_NAME = 64;

/**
 * A result that is at most `maxBytes` long as JSON and lists no more than the contract allows. All backups and items stay: without
 * them nothing can be put back. So do the answers for targets, by id. Of the other threats those that need somebody come first; those
 * there is no room for are counted in `unlistedThreats`. An entry loses its details before another one is left out. Where even the
 * least does not fit, it is returned all the same.
 */
export function fitResult(result: RunResult, maxBytes: number, targetIds: ReadonlySet<string>): RunResult {
  const { threats = [], unlistedThreats = 0, backups, items, ...rest } = result;
  if (threats.length <= MAX_LISTED && bytesOf(result) <= maxBytes) return result;
  const rank = ({ id, outcome }: ReportedThreat) => (targetIds.has(id) ? 0 : goodOutcomes.has(outcome) ? 2 : 1);
  const ranked = [0, 1, 2]
    .flatMap((wanted) => threats.filter((threat) => rank(threat) === wanted))
    .slice(0, MAX_LISTED);
  const least = {
    ...rest,
    ...(backups === undefined ? {} : { backups: backups.map(shortBackup) }),
    ...(items === undefined ? {} : { items: items.map(shortItem) }),
    threats: [],
    unlistedThreats: Number.MAX_SAFE_INTEGER,
  };
  const room = { bytes: maxBytes - bytesOf(least) };
  const answered = ranked.filter(({ id }) => targetIds.has(id)).map(shortThreat);
  for (const threat of answered) room.bytes -= bytesOf(threat) + 1;
  const short = [...answered];
  for (const threat of ranked.slice(answered.length).map(shortThreat)) {
    const bytes = bytesOf(threat) + 1;
    if (bytes > room.bytes) break;
    room.bytes -= bytes;
    short.push(threat);
  }
  const unlisted = unlistedThreats + threats.length - short.length;
  return {
    ...rest,
    ...(items === undefined ? {} : { items: detailed(least.items ?? [], items, room) }),
    ...(threats.length === 0 ? {} : { threats: detailed(short, ranked, room) }),
    ...(backups === undefined ? {} : { backups: detailed(least.backups ?? [], backups, room) }),
    ...(unlisted === 0 ? {} : { unlistedThreats: unlisted }),
  };
}

/** Gives entries their details back, as far as there is room. */
function detailed<Entry extends object>(
  short: readonly Entry[],
  full: readonly Entry[],
  room: { bytes: number },
): Entry[] {
  return short.map((entry, index) => {
    const whole = full[index] ?? entry;
    const more = bytesOf(whole) - bytesOf(entry);
    if (more > room.bytes) return entry;
    room.bytes -= more;
    return whole;
  });
}

/** `by` and `action` stay: they tell statuses apart. */
function shortThreat({ path: _path, sha256: _sha256, error: _error, name, ...rest }: ReportedThreat): ReportedThreat {
  return { ...rest, name: fitText(name, SHORT_NAME) };
}

function shortBackup({ path: _path, ...rest }: Backup): Backup {
  return rest;
}

function shortItem({ detail: _detail, ...rest }: RollbackItem): RollbackItem {
  return rest;
}

function bytesOf(value: object): number {
  return Buffer.byteLength(JSON.stringify(value));
}
