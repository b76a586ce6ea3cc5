import { type DeviceColumn, type DeviceImportQuery, deviceColumns } from '@quell/contracts/device-import';
import { valueText } from '@quell/contracts/fact-text';
import { type ProblemError, refusal } from '@quell/service-kit/problem-error';
import { cellsOf } from './csv.ts';

/** What the header of a CSV file says. */
export interface Header {
  /** What stands in each cell of a line; null in a column that is not read. */
  readonly columns: readonly (DeviceColumn | null)[];
  readonly delimiter: string;
}

const delimiters = [',', ';', '\t'] as const;

/** The one that separates the names of a header; a comma where there is one column only. */
export function delimiterOf(headerLine: string): string {
  const counts = delimiters.map((delimiter) => headerLine.split(delimiter).length);
  return delimiters[counts.indexOf(Math.max(...counts))]!;
}

/**
 * Reads a header: names in any case and order.
 *
 * @throws ProblemError 400 naming every column that is unknown (unless those are ignored) or there twice, and a missing `id`
 */
export function headerOf(text: string, delimiter: string, unknown: DeviceImportQuery['unknown']): Header {
  const names = namesOf(text, delimiter).map((name) => name.trim());
  const columns = names.map((name) => deviceColumns.find((column) => column === name.toLowerCase()) ?? null);
  const errors = columns.flatMap((column, index) => {
    const pointer = `/header/${index}`;
    const name = valueText(names[index]!.slice(0, 64));
    if (column === null) {
      return unknown === 'ignore' || names[index] === ''
        ? []
        : [{ pointer, detail: `there is no column ${name}; the columns are ${deviceColumns.join(', ')}` }];
    }
    return columns.indexOf(column) === index ? [] : [{ pointer, detail: `the column ${name} is there twice` }];
  });
  if (!columns.includes('id')) {
    errors.push({ pointer: '/header', detail: 'there is no column "id", by which devices are known again' });
  }
  if (errors.length === 0) return { columns, delimiter };
  throw refusal('invalid-request', `The header: ${errors.map(({ detail }) => detail).join('; ')}.`, { errors });
}

function namesOf(text: string, delimiter: string): string[] {
  try {
    return cellsOf([text], delimiter)[0] ?? [];
  } catch {
    // Its words speak of what it was given, which was not the file.
    throw headerRefusal('a quotation mark stands inside of a name or opens one that no other one closes');
  }
}

/** A header that cannot be read at all. */
export function headerRefusal(detail: string): ProblemError {
  return refusal('invalid-request', `The header: ${detail}.`, { errors: [{ pointer: '/header', detail }] });
}
