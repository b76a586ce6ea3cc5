import type { DeviceListColumn } from '@quell/contracts/device-import';

/** What spreadsheets take for a formula when a cell begins with it, full-width forms included (OWASP, CSV Injection). */
const formula = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

/**
 * A cell that no spreadsheet takes for a formula: an apostrophe goes before one that begins like it. So that reading is exact, it also
 * goes before an apostrophe.
 */
export function guardedCell(text: string): string {
  return formula.test(text) || text.startsWith("'") ? `'${text}` : text;
}

/** The text of a cell that may be guarded. An apostrophe before anything else is its own. */
export function unguardedCell(cell: string): string {
  return cell.startsWith("'") && (formula.test(cell.slice(1)) || cell.startsWith("''")) ? cell.slice(1) : cell;
}

/** Values without blanks inside; the others, host names and tags, may have some. */
const simple: ReadonlySet<DeviceListColumn> = new Set(['capabilities', 'ips', 'macs']);

/**
 * The values of a cell that holds several, separated by `;` (capabilities, IPs and MACs also by blanks). Blanks around a value do not
 * count. A backslash before `;`, another backslash or a blank takes that character as it is; before anything else it is a backslash.
 */
export function valuesOfCell(column: DeviceListColumn, cell: string): string[] {
  if (simple.has(column)) return cell.split(/[\s;]+/u).filter((value) => value !== '');
  const values: string[] = [];
  let value = '';
  // Up to here blanks at the end are the value's own.
  let kept = 0;
  const end = () => {
    const text = value.slice(0, kept) + value.slice(kept).trimEnd();
    if (text !== '') values.push(text);
    value = '';
    kept = 0;
  };
  for (let at = 0; at < cell.length; at++) {
    const char = cell[at]!;
    const next = cell[at + 1] ?? '';
    if (char === '\\' && /^[\\;\s]/u.test(next)) {
      value += next;
      kept = value.length;
      at++;
    } else if (char === ';') {
      end();
    } else if (value !== '' || !/\s/u.test(char)) {
      value += char;
    }
  }
  end();
  return values;
}

/** A cell that `valuesOfCell` reads as these values. */
export function cellOfValues(values: readonly string[]): string {
  return values.map((value) => value.replaceAll(/[\\;]/g, '\\$&').replaceAll(/^\s|\s$/gu, '\\$&')).join(';');
}
