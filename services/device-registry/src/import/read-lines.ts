import {
  type DeviceColumn,
  type DeviceFormat,
  type DeviceImportQuery,
  type DeviceListColumn,
  deviceColumns,
  deviceImportLine,
  deviceListColumns,
} from '@quell/contracts/device-import';
import { valueText } from '@quell/contracts/fact-text';
import type { JobFailure } from '@quell/contracts/job';
import { jsonPointer } from '@quell/contracts/problem';
import type { z } from 'zod';
import type { FactChanges } from '../device/facts.ts';
import { unguardedCell, valuesOfCell } from './cells.ts';
import { cellsOf } from './csv.ts';
import type { Header } from './header.ts';
import type { SourceRecord } from './records.ts';

/** How the records of an import are to be read. */
export interface Reading {
  readonly format: DeviceFormat;
  /** Of CSV only. */
  readonly header?: Header | undefined;
  readonly unknown: DeviceImportQuery['unknown'];
}

/** A device as its line gives it: what is absent stays as it is. */
export interface GivenDevice {
  readonly line: number;
  readonly id: string;
  readonly facts: FactChanges;
}

export type ReadLine = GivenDevice | { readonly line: number; readonly failures: readonly JobFailure[] };

/** Reads each record by itself. A CSV record whose cells are all empty, as spreadsheets leave them, is left out. */
export function readLines(records: readonly SourceRecord[], reading: Reading): ReadLine[] {
  return reading.format === 'csv' ? readCsv(records, reading) : records.map((record) => readNdjson(record, reading));
}

function readNdjson(record: SourceRecord, { unknown }: Reading): ReadLine {
  const { line } = record;
  if ('fault' in record) return { line, failures: [{ line, detail: record.fault }] };
  let value: unknown;
  try {
    value = JSON.parse(record.text);
  } catch (error) {
    return { line, failures: [{ line, detail: valueFree(`is not JSON: ${(error as Error).message}`) }] };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { line, failures: [{ line, detail: 'is not a JSON object' }] };
  }
  return checked(line, unknown === 'ignore' ? knownMembers(value) : value, 'ndjson');
}

function readCsv(records: readonly SourceRecord[], { header }: Reading): ReadLine[] {
  const { columns, delimiter } = header!;
  const texts = records.flatMap((record) => ('text' in record ? [record.text] : []));
  const cells = allCells(texts, delimiter).values();
  return records.flatMap((record): ReadLine[] => {
    const { line } = record;
    if ('fault' in record) return [{ line, failures: [{ line, detail: record.fault }] }];
    const found = cells.next().value!;
    if (typeof found === 'string') return [{ line, failures: [{ line, detail: found }] }];
    if (found.every((cell) => cell === '')) return [];
    const extra = found.slice(columns.length).some((cell) => cell !== '');
    if (found.length < columns.length || extra) {
      const detail = `has ${found.length} cells where the header has ${columns.length}${severalLines(record)}`;
      return [{ line, failures: [{ line, detail }] }];
    }
    return [checked(line, rowOf(columns, found), 'csv')];
  });
}

/** Nobody should look for the others of its lines in vain: a mark that was left open may have swallowed them. */
function severalLines({ line, text }: { readonly line: number; readonly text: string }): string {
  const breaks = text.split('\n').length - 1;
  return breaks === 0
    ? ''
    : `; lines ${line} to ${line + breaks} were read as one record, because a cell in quotation marks goes on over line ends`;
}

/** The cells of each record, or why it has none. All at once, which is much faster, unless one of them is wrong. */
function allCells(texts: readonly string[], delimiter: string): (string[] | string)[] {
  try {
    const all = cellsOf(texts, delimiter);
    if (all.length === texts.length) return all;
  } catch {
    // Found below.
  }
  return texts.map((text) => {
    try {
      const [cells, ...others] = cellsOf([text], delimiter);
      if (cells !== undefined && others.length === 0) return cells;
    } catch {
      // Its words speak of lines and columns of what it was given, which was not the file.
    }
    return 'a quotation mark stands inside of a cell: the whole cell has to be in quotation marks, and those inside doubled';
  });
}

const lists: ReadonlySet<string> = new Set(deviceListColumns);

function rowOf(columns: Header['columns'], cells: readonly string[]): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  columns.forEach((column, index) => {
    if (column !== null) row[column] = valueOfCell(column, unguardedCell(cells[index]!));
  });
  return row;
}

function valueOfCell(column: DeviceColumn, cell: string): string | string[] | null {
  if (cell === '') return null;
  return lists.has(column) ? valuesOfCell(column as DeviceListColumn, cell) : cell;
}

function knownMembers(value: object): object {
  return Object.fromEntries(
    Object.entries(value).filter(([name]) => (deviceColumns as readonly string[]).includes(name)),
  );
}

/** What is told of one line. */
const FAILURES_OF_LINE = 10;

/** Where in its line something is wrong: a table has columns, an object members and what is in them. */
export function placeIn(format: DeviceFormat, path: readonly PropertyKey[]): Pick<JobFailure, 'column' | 'pointer'> {
  return format === 'csv' ? { column: String(path[0]) } : { pointer: jsonPointer(path) };
}

function checked(line: number, value: object, format: DeviceFormat): ReadLine {
  const result = deviceImportLine.safeParse(value);
  if (result.success) {
    const { id, ...facts } = result.data;
    return { line, id, facts: factsOf(facts) };
  }
  const { id } = value as { id?: unknown };
  const about = typeof id === 'string' && id !== '' ? { id: shown(id) } : {};
  const failures = result.error.issues.flatMap((issue): JobFailure[] =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({
          line,
          ...about,
          ...placeIn(format, [key]),
          detail: `there is no member ${valueText(key)}`,
        }))
      : [{ line, ...about, ...placeIn(format, issue.path), detail: detailOf(issue, value) }],
  );
  return {
    line,
    failures: failures.slice(0, FAILURES_OF_LINE).map((failure) => ({ ...failure, detail: valueFree(failure.detail) })),
  };
}

/** `null` clears: a model and a label to nothing, lists to none. */
function factsOf(given: Omit<z.infer<typeof deviceImportLine>, 'id'>): FactChanges {
  const facts: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (value !== null || name === 'group' || name === 'platform') facts[name] = value;
    else facts[name] = lists.has(name) ? [] : '';
  }
  return facts as FactChanges;
}

function detailOf(issue: z.core.$ZodIssue, value: object): string {
  const [column, index] = issue.path;
  if (column === 'id' && ((value as { id?: unknown }).id ?? '') === '') {
    return 'needs an id: a device is known again by it';
  }
  const given = index === undefined ? Reflect.get(value, column ?? '') : Reflect.get(value, column ?? '')?.[index];
  const quoted = typeof given === 'string' ? `${valueText(given.slice(0, 64))} ` : '';
  if (issue.code === 'invalid_union' && column === 'ips') return `${quoted}is no IP address`;
  return `${quoted}${issue.message}`;
}

/** Text that Postgres takes into `jsonb`, whatever a file held. */
function valueFree(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}

function shown(id: string): string {
  return valueFree(id.slice(0, 128));
}
