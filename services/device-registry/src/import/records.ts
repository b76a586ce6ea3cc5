import type { DeviceFormat } from '@quell/contracts/device-import';
import { linesOf } from '@quell/service-kit/lines';
import { isOpenAfter, isRecord } from './csv.ts';
import { delimiterOf } from './header.ts';

/** What one device of an import is written in: a line, or several where a cell holds line breaks; or why it cannot be read. */
export type SourceRecord = { readonly line: number } & ({ readonly text: string } | { readonly fault: string });

export interface RecordLimits {
  /** Of a record, in bytes of its lines. */
  readonly recordBytes: number;
  /** Lines of one record. */
  readonly recordLines: number;
}

const BOM = '\ufeff';

/**
 * The records of an upload, in lists of those that arrive together; in CSV the header is the first. Lines end in LF or CRLF; blank ones
 * are skipped; a byte order mark is. What is too long is a fault, after which reading goes on with the next line.
 */
export async function* recordsOf(
  source: AsyncIterable<Buffer>,
  format: DeviceFormat,
  limits: RecordLimits,
): AsyncGenerator<readonly SourceRecord[]> {
  const splitter = format === 'csv' ? new CsvRecords(limits) : new LineRecords(limits);
  let line = 0;
  for await (const lines of linesOf(source, limits.recordBytes)) {
    const records: SourceRecord[] = [];
    for (const text of lines) {
      line++;
      splitter.take(line, line === 1 && text?.startsWith(BOM) ? text.slice(1) : text, records);
    }
    if (records.length > 0) yield records;
  }
  const last: SourceRecord[] = [];
  splitter.end(last);
  if (last.length > 0) yield last;
}

const withoutCr = (text: string) => (text.endsWith('\r') ? text.slice(0, -1) : text);

/** A record is a line. */
class LineRecords {
  readonly #limits: RecordLimits;

  constructor(limits: RecordLimits) {
    this.#limits = limits;
  }

  take(line: number, text: string | undefined, records: SourceRecord[]): void {
    if (text === undefined) records.push({ line, fault: `the line is longer than ${this.#limits.recordBytes} bytes` });
    else if (text.trim() !== '') records.push({ line, text: withoutCr(text) });
  }

  end(): void {}
}

/** A record goes on for as long as a cell in quotation marks is open. */
class CsvRecords {
  readonly #limits: RecordLimits;
  #delimiter: string | undefined;
  #open: { readonly line: number; readonly text: string }[] = [];
  #bytes = 0;

  constructor(limits: RecordLimits) {
    this.#limits = limits;
  }

  take(line: number, text: string | undefined, records: SourceRecord[]): void {
    if (text === undefined) {
      this.end(records);
      records.push({ line, fault: `the line is longer than ${this.#limits.recordBytes} bytes` });
      return;
    }
    if (this.#open.length === 0 && text.trim() === '') return;
    this.#delimiter ??= delimiterOf(text);
    const open = isOpenAfter(text, this.#delimiter, this.#open.length > 0);
    if (!open && this.#open.length === 0) {
      records.push({ line, text: withoutCr(text) });
      return;
    }
    this.#open.push({ line, text });
    this.#bytes += Buffer.byteLength(text);
    if (!open) {
      const whole = withoutCr(this.#open.map((part) => part.text).join('\n'));
      if (isRecord(whole, this.#delimiter)) {
        records.push({ line: this.#open[0]!.line, text: whole });
        this.#clear();
      } else {
        this.end(records);
      }
    } else if (this.#bytes > this.#limits.recordBytes || this.#open.length > this.#limits.recordLines) {
      this.end(records);
    }
  }

  /**
   * The mark that opened the cell was a mistake: its line is refused, and those after it are read each by itself, so that no line is
   * looked at more than twice.
   */
  end(records: SourceRecord[]): void {
    const [first, ...others] = this.#open;
    this.#clear();
    if (first === undefined) return;
    const fault = 'a quotation mark opens a cell that no other one closes';
    records.push({ line: first.line, fault });
    for (const { line, text } of others) {
      if (isOpenAfter(text, this.#delimiter!, false)) records.push({ line, fault });
      else if (text.trim() !== '') records.push({ line, text: withoutCr(text) });
    }
  }

  #clear(): void {
    this.#open = [];
    this.#bytes = 0;
  }
}
