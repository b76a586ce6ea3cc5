import { constants } from 'node:fs';
import { copyFile, type FileHandle, open, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isCode } from '../confined/directory.ts';
import { syncFolder, writeDurably } from '../settings/durable-file.ts';
import { decodeRecords, encodeRecord } from './lines.ts';
import type { JournalRecord } from './records.ts';
import { compacted, EMPTY, evolve, type JournalState } from './replay.ts';

/** The file is rewritten at start once it is larger than this, and keeps this many ended runs. */
const COMPACT_ABOVE_BYTES = 256 * 1024;
const KEEP_ENDED_RUNS = 500;

/**
 * The agent's memory of its runs: an append-only file. `append` returns only after fsync, so whatever the caller does next, the record
 * survives. Records are written one after the other in the order of the calls.
 */
export class Journal {
  private readonly file: FileHandle;
  private current: JournalState;
  private bytes: number;
  private tail: Promise<void> = Promise.resolve();

  private constructor(file: FileHandle, state: JournalState, bytes: number) {
    this.file = file;
    this.current = state;
    this.bytes = bytes;
  }

  /** Reads the journal of a state folder; makes it the first time. A torn tail is cut off, damage is kept aside as `.damaged`. */
  static async open(stateDir: string, compactAboveBytes = COMPACT_ABOVE_BYTES): Promise<Journal> {
    const path = join(stateDir, 'journal');
    const bytes = await readFile(path).catch((error: unknown) => {
      if (isCode(error, 'ENOENT')) return Buffer.alloc(0);
      throw error;
    });
    const { records, validBytes } = decodeRecords(bytes);
    // A torn write leaves one unfinished line; more than that is damage somebody may want to look at.
    if (bytes.subarray(validBytes).includes(0x0a)) await copyFile(path, `${path}.damaged`);
    const state = records.reduce(evolve, EMPTY);
    if (bytes.length > compactAboveBytes) return Journal.rewritten(path, compacted(state, KEEP_ENDED_RUNS));
    const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND, 0o600);
    await file.truncate(validBytes);
    await file.sync();
    await syncFolder(dirname(path));
    return new Journal(file, state, validBytes);
  }

  private static async rewritten(path: string, state: JournalState): Promise<Journal> {
    const lines = Buffer.concat([...state.values()].map((entry) => encodeRecord({ type: 'accepted', entry })));
    await writeDurably(path, lines);
    return new Journal(await open(path, 'a', 0o600), state, lines.length);
  }

  get state(): JournalState {
    return this.current;
  }

  /** Adds records; durable when this returns. Throws what writing throws, and the state stays as it was. */
  append(...records: JournalRecord[]): Promise<void> {
    const written = this.tail.then(async () => {
      const lines = Buffer.concat(records.map(encodeRecord));
      try {
        await this.file.appendFile(lines);
        await this.file.datasync();
      } catch (error) {
        // Half a line would hide everything written after it.
        await this.file.truncate(this.bytes);
        throw error;
      }
      this.bytes += lines.length;
      this.current = records.reduce(evolve, this.current);
    });
    this.tail = written.catch(() => {});
    return written;
  }

  async close(): Promise<void> {
    await this.tail;
    await this.file.close();
  }
}
