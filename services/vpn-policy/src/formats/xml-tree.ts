import type { FilePlace } from '@quell/contracts/file-place';
import { SaxesParser } from 'saxes';
import { FILE_LIMITS, Refusal, tooLarge } from './refusal.ts';
import type { SourceText } from './source-text.ts';
import { isTemplate } from './templates.ts';

/** An element with its own text (that of its children left out) and where it stands. */
export type XmlElement = {
  /** Without a prefix. */
  readonly name: string;
  readonly at: FilePlace;
  readonly children: XmlElement[];
  text: string;
  /** Where the first of its text stands that is more than white space. */
  textAt: FilePlace | null;
};

/**
 * Reads XML to a tree. Strict: no entities but XML's own five, no declarations in a DTD; bounded in depth and in number.
 * @param doctype whether a DOCTYPE without declarations is let in. None is ever looked up.
 */
export function readXml(source: SourceText, doctype: 'none' | 'without-declarations'): XmlElement {
  const parser = new SaxesParser({ position: true });
  const open: XmlElement[] = [];
  let root: XmlElement | undefined;
  let nodes = 0;
  let ended = 0;
  const here = () => source.at(Math.max(0, Math.min(parser.position, source.text.length) - 1));

  parser.on('error', (error) => {
    throw notWellFormed(source, parser.position, error.message);
  });
  parser.on('doctype', (declared) => {
    if (doctype === 'without-declarations' && !declared.includes('[')) return;
    throw new Refusal(
      'malformed',
      'a DTD with declarations, or one where there is none: entities are not read',
      here(),
    );
  });
  parser.on('opentagstart', ({ name }) => {
    const element: XmlElement = {
      name: name.slice(name.indexOf(':') + 1),
      at: source.at(source.text.lastIndexOf('<', parser.position - 1)),
      children: [],
      text: '',
      textAt: null,
    };
    nodes += 1;
    if (nodes > FILE_LIMITS.nodes) throw tooLarge('nodes', element.at);
    if (open.length >= FILE_LIMITS.depth) throw tooLarge('depth', element.at);
    const parent = open.at(-1);
    if (parent === undefined) root = element;
    else parent.children.push(element);
    open.push(element);
  });
  parser.on('opentag', () => {
    ended = parser.position;
  });
  parser.on('closetag', () => {
    open.pop();
    ended = parser.position;
  });
  const after = () => {
    ended = source.text.indexOf('>', parser.position - 1) + 1;
  };
  parser.on('comment', after);
  parser.on('processinginstruction', after);
  const add = (text: string) => {
    const element = open.at(-1);
    if (element === undefined) return;
    element.text += text;
    if (element.textAt !== null || text.trim() === '') return;
    const start = source.text.slice(ended).search(/\S/);
    element.textAt = source.at(ended + Math.max(0, start));
  };
  parser.on('text', add);
  parser.on('cdata', (text) => {
    add(text);
    ended = parser.position;
  });
  parser.write(source.text).close();
  if (root === undefined) throw new Refusal('malformed', 'no element', { line: 1, column: 1 });
  return root;
}

/** In our own words: the parser's may quote the file. */
function notWellFormed(source: SourceText, position: number, message: string): Refusal {
  const index = Math.max(0, Math.min(position, source.text.length) - 1);
  const at = source.at(index);
  const from = source.text.lastIndexOf('<', index);
  if (isTemplate(source.text.slice(Math.max(0, from), index + 64).split('\n')[0] ?? '')) {
    return new Refusal('template', 'a template that was not filled in', at);
  }
  const [, text] = words.find(([pattern]) => pattern.test(message)) ?? [];
  return new Refusal('malformed', text ?? 'not well-formed XML', at);
}

const words: readonly (readonly [RegExp, string])[] = [
  [/unexpected close tag|unmatched closing/, 'a closing tag that does not fit the element that is open'],
  [/unclosed tag/, 'an element is not closed'],
  [/unexpected end/, 'the file ends too early'],
  [/undefined entity/, 'an entity that is not defined'],
  [/character entity|disallowed character/, 'a character that XML does not allow'],
  [/only one root/, 'more than one root element'],
  [/outside of root/, 'text outside the root element'],
  [/must contain a root/, 'no element'],
];
