import { type DeviceFormat, deviceColumns } from '@quell/contracts/device-import';
import { stringify } from 'csv-stringify/sync';
import type { DeviceRow } from '../device-store/row.ts';
import { cellOfValues, guardedCell } from '../import/cells.ts';

/** The first line of an export as CSV. */
export const headLine = `${deviceColumns.join(',')}\n`;

/** Devices as lines that an import reads as what they are. */
export function linesOfDevices(rows: readonly DeviceRow[], format: DeviceFormat): string {
  if (format === 'ndjson') return rows.map((row) => `${JSON.stringify(lineOf(row))}\n`).join('');
  return stringify(rows.map(cellsOf), {
    // Blanks at the ends of a cell count only in quotation marks.
    quoted_match: /^\s|\s$|[;\t\r]/u,
    record_delimiter: '\n',
  });
}

function lineOf(row: DeviceRow) {
  const { id, model, label, capabilities, hostnames, ips, macs, platform, group_name: group, tags } = row;
  return { id, model, label, capabilities, hostnames, ips, macs, platform, group, tags };
}

function cellsOf(row: DeviceRow): string[] {
  const values = lineOf(row);
  return deviceColumns.map((column) => {
    const value = values[column];
    return guardedCell(Array.isArray(value) ? cellOfValues(value) : (value ?? ''));
  });
}
