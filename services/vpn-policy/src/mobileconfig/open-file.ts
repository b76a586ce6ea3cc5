import type { FileRefusal, FileSignature } from '@quell/contracts/vpn-formats';
import { FILE_LIMITS, Refusal, refusing, tooLarge } from '../formats/refusal.ts';
import { decodeXml } from '../formats/source-text.ts';
import { isTemplate, isVariable } from '../formats/templates.ts';
import type { PlistValue } from '../plist/plist-value.ts';
import { readBinaryPlist } from '../plist/read-binary-plist.ts';
import { readXmlPlist } from '../plist/read-xml-plist.ts';
import { openSigned } from './signature.ts';

/** A property list, and in what it came. */
export type OpenedFile = {
  readonly result: 'opened';
  readonly format: 'plist-xml' | 'plist-binary';
  readonly signature: FileSignature;
  readonly value: PlistValue;
};

/** DER and BER begin with a SEQUENCE. */
const SEQUENCE = 0x30;

/** Finds out what a file is by its first bytes, takes a signature off, and reads the property list in it. */
export async function openFile(bytes: Uint8Array): Promise<OpenedFile | FileRefusal> {
  if (bytes.byteLength > FILE_LIMITS.bytes) return tooLarge('bytes', null).refusal;
  if (bytes[0] !== SEQUENCE) return opened(bytes, { signed: false });
  const envelope = await openSigned(bytes);
  if ('result' in envelope) return envelope;
  return opened(envelope.content, envelope.signature);
}

function opened(bytes: Uint8Array, signature: FileSignature): OpenedFile | FileRefusal {
  return refusing(() => {
    const binary = new TextDecoder('latin1').decode(bytes.subarray(0, 6)) === 'bplist';
    const value = binary ? readBinaryPlist(versioned(bytes)) : readXmlPlist(xml(bytes));
    return { result: 'opened', format: binary ? 'plist-binary' : 'plist-xml', signature, value };
  });
}

function versioned(bytes: Uint8Array): Uint8Array {
  if (bytes[6] === 0x30 && bytes[7] === 0x30) return bytes;
  throw new Refusal('unsupported', 'a binary property list of another version than 00', { byte: 6 });
}

function xml(bytes: Uint8Array) {
  const source = decodeXml(bytes);
  const start = source.text.search(/\S/);
  if (start >= 0 && source.text[start] === '<') return source;
  if (start < 0) throw new Refusal('not-a-profile', 'an empty file', null);
  const at = source.at(start);
  const head = source.text.slice(start, start + 4096);
  if (isTemplate(head) || isVariable(head.split('\n')[0] ?? ''))
    throw new Refusal('template', 'a template that was not filled in', at);
  throw new Refusal('not-a-profile', 'neither XML nor a binary property list nor a signed one', at);
}
