import { parse } from 'csv-parse/sync';

/**
 * The cells of some records, each without its line end. Blanks around a cell that is not in quotation marks do not count.
 *
 * @throws CsvError when a record is not as RFC 4180 has it
 */
export function cellsOf(records: readonly string[], delimiter: string): string[][] {
  return parse(records.join('\n'), {
    delimiter,
    trim: true,
    record_delimiter: '\n',
    relax_column_count: true,
    columns: false,
  });
}

/** Whether a text is one record, each of whose marks closes what another one opened. */
export function isRecord(text: string, delimiter: string): boolean {
  try {
    return cellsOf([text], delimiter).length === 1;
  } catch {
    return false;
  }
}

/**
 * Whether a cell in quotation marks is still open at the end of a line. A mark opens a cell only at its beginning.
 *
 * @param open whether one was open at the beginning of the line
 */
export function isOpenAfter(line: string, delimiter: string, open: boolean): boolean {
  if (!line.includes('"')) return open;
  let quoted = open;
  for (let at = quoted ? 0 : cellStart(line, 0, delimiter); ; ) {
    if (!quoted && line[at] === '"') {
      quoted = true;
      at++;
    }
    if (quoted) {
      const mark = line.indexOf('"', at);
      if (mark === -1) return true;
      at = mark + 1;
      if (line[at] === '"') {
        at++;
        continue;
      }
      quoted = false;
    }
    const end = line.indexOf(delimiter, at);
    if (end === -1) return false;
    at = cellStart(line, end + 1, delimiter);
  }
}

function cellStart(line: string, from: number, delimiter: string): number {
  let at = from;
  while ((line[at] === ' ' || line[at] === '\t') && line[at] !== delimiter) at++;
  return at;
}
