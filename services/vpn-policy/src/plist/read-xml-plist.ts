import { Refusal } from '../formats/refusal.ts';
import type { SourceText } from '../formats/source-text.ts';
import { isTemplate, isVariable } from '../formats/templates.ts';
import { readXml, type XmlElement } from '../formats/xml-tree.ts';
import type { PlistEntry, PlistValue } from './plist-value.ts';

/**
 * Reads an XML property list strictly: what Apple's own reader guesses at (a key without a value, a key twice, text between elements) is
 * refused with its place.
 */
export function readXmlPlist(source: SourceText): PlistValue {
  const root = readXml(source, 'without-declarations');
  if (root.name !== 'plist') throw new Refusal('not-a-profile', 'the root element is not plist', root.at);
  noText(root);
  const [value, second] = root.children;
  if (value === undefined) throw new Refusal('malformed', 'an empty plist', root.at);
  if (second !== undefined) throw new Refusal('malformed', 'more than one value in plist', second.at);
  return plistValueOf(value);
}

function plistValueOf(element: XmlElement): PlistValue {
  const { at, name } = element;
  switch (name) {
    case 'dict':
      return { at, kind: 'dict', entries: entriesOf(element) };
    case 'array':
      noText(element);
      return { at, kind: 'array', items: element.children.map(plistValueOf) };
    case 'string':
      return { at, kind: 'string', value: leaf(element) };
    case 'integer':
      return { at, kind: 'number', value: integer(element) };
    case 'real':
      return { at, kind: 'number', value: number(element, /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/, 'a real') };
    case 'true':
    case 'false':
      if (leaf(element).trim() !== '') throw unreadable(element, 'a boolean');
      return { at, kind: 'boolean', value: name === 'true' };
    case 'date': {
      const text = leaf(element).trim();
      const whole = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) && !Number.isNaN(Date.parse(text));
      if (!whole) throw unreadable(element, 'a date');
      return { at, kind: 'date', value: text };
    }
    case 'data':
      if (!/^[A-Za-z0-9+/]*={0,2}$/.test(leaf(element).replace(/\s+/g, ''))) throw unreadable(element, 'base64');
      return { at, kind: 'data' };
    default:
      throw new Refusal('malformed', 'an element that property lists do not have', at);
  }
}

function entriesOf(dict: XmlElement): ReadonlyMap<string, PlistEntry> {
  noText(dict);
  const entries = new Map<string, PlistEntry>();
  for (let index = 0; index < dict.children.length; index += 2) {
    const [key, value] = dict.children.slice(index, index + 2);
    if (key === undefined) break;
    if (key.name !== 'key') throw new Refusal('malformed', 'a value without a key', key.at);
    const name = leaf(key);
    if (value === undefined || value.name === 'key') throw new Refusal('malformed', 'a key without a value', key.at);
    if (isTemplate(name)) throw new Refusal('template', 'a key that was not filled in', key.at);
    if (entries.has(name)) throw new Refusal('malformed', 'a key that this dictionary already has', key.at);
    entries.set(name, { keyAt: key.at, value: plistValueOf(value) });
  }
  return entries;
}

function leaf(element: XmlElement): string {
  const [child] = element.children;
  if (child !== undefined) throw new Refusal('malformed', 'an element inside a value', child.at);
  return element.text;
}

function noText({ text, textAt }: XmlElement): void {
  if (textAt === null) return;
  if (isVariable(text)) throw new Refusal('template', 'a template that was not filled in', textAt);
  throw new Refusal('malformed', 'text between elements', textAt);
}

function integer(element: XmlElement): number {
  const value = number(element, /^[+-]?(\d+|0[xX][\da-fA-F]+)$/, 'an integer');
  if (!Number.isSafeInteger(value)) throw new Refusal('malformed', 'an integer beyond 2^53', element.at);
  return value;
}

function number(element: XmlElement, form: RegExp, what: string): number {
  const text = leaf(element).trim();
  if (!form.test(text)) throw unreadable(element, what);
  const [, sign = '', digits = ''] = /^([+-]?)(.*)$/.exec(text) ?? [];
  const value = Number(digits) * (sign === '-' ? -1 : 1);
  if (!Number.isFinite(value)) throw unreadable(element, what);
  return value;
}

function unreadable(element: XmlElement, what: string): Refusal {
  return isVariable(element.text)
    ? new Refusal('template', `a variable where ${what} stands`, element.at)
    : new Refusal('malformed', `not ${what}`, element.at);
}
