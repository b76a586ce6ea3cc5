import { crc32 } from 'node:zlib';
import { type JournalRecord, journalRecord } from './records.ts';

/** One record as it stands in the file: eight hex digits of CRC-32, a space, JSON, a line feed. */
export function encodeRecord(record: JournalRecord): Buffer {
  const json = JSON.stringify(record);
  return Buffer.from(`${checksum(Buffer.from(json))} ${json}\n`);
}

/**
 * The records at the start of a file and how many bytes they take. It ends at the first line that is cut short or does not match its
 * checksum: what follows a torn write was never acknowledged to anybody.
 */
export function decodeRecords(bytes: Buffer): { records: JournalRecord[]; validBytes: number } {
  const records: JournalRecord[] = [];
  let validBytes = 0;
  for (;;) {
    const end = bytes.indexOf(0x0a, validBytes);
    if (end < 0) break;
    const line = bytes.subarray(validBytes, end);
    if (line.subarray(0, 9).toString('latin1') !== `${checksum(line.subarray(9))} `) break;
    const record = readRecord(line.subarray(9));
    if (record !== undefined) records.push(record);
    validBytes = end + 1;
  }
  return { records, validBytes };
}

function readRecord(json: Buffer): JournalRecord | undefined {
  try {
    return journalRecord.safeParse(JSON.parse(json.toString('utf8'))).data;
  } catch {
    return undefined;
  }
}

function checksum(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(8, '0');
}
