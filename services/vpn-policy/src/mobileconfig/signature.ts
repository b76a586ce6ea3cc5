import type { FileRefusal, FileSignature } from '@quell/contracts/vpn-formats';
import { BaseBlock, fromBER, OctetString } from 'asn1js';
import {
  type Certificate,
  ContentInfo,
  EncapsulatedContentInfo,
  IssuerAndSerialNumber,
  type RelativeDistinguishedNames,
  SignedData,
} from 'pkijs';

/** More signatures than any profile has; each costs a computation. */
const SIGNER_LIMIT = 8;
/** Structures of a signed profile are few: certificates and attributes. */
const ASN1_LIMITS = { maxDepth: 64, maxNodes: 20_000 };

type Signed = { readonly content: Uint8Array; readonly signature: FileSignature };

const refused = (reason: FileRefusal['reason'], text: string): FileRefusal => ({
  result: 'refused',
  reason,
  text,
  at: null,
});

/**
 * Takes a CMS envelope apart (RFC 5652, DER or BER): what was signed, and whether the signatures fit. Who signed is read from the
 * certificates that come along; no chain is followed.
 */
export async function openSigned(bytes: Uint8Array): Promise<Signed | FileRefusal> {
  let signed: SignedData;
  try {
    const { offset, result } = fromBER(bytes, ASN1_LIMITS);
    if (offset < 0) return refused('malformed', 'neither a profile nor a signed one');
    const envelope = new ContentInfo({ schema: result });
    if (envelope.contentType === ContentInfo.ENVELOPED_DATA) return refused('encrypted', 'an encrypted envelope');
    if (envelope.contentType !== ContentInfo.SIGNED_DATA) return refused('unsupported', 'an envelope of another kind');
    signed = new SignedData({ schema: envelope.content });
  } catch {
    return refused('malformed', 'a signed envelope that cannot be read');
  }
  const wrapped = signed.encapContentInfo.eContent as unknown;
  if (wrapped === undefined) return refused('malformed', 'a signature without what it signs');
  if (!(wrapped instanceof OctetString)) return refused('unsupported', 'an envelope of something else than a file');
  const content = Buffer.concat(octets(wrapped));
  // With the content in it pkijs would verify bytes that it puts together in its own way; without it those that it is given: those that are read.
  signed.encapContentInfo = new EncapsulatedContentInfo({ eContentType: signed.encapContentInfo.eContentType });
  return { content, signature: await verified(signed, content) };
}

/**
 * The bytes of an OCTET STRING; BER may cut it into pieces, and those again. Which it is says its tag: asn1js also lists what the bytes of
 * a whole one would be if they were BER.
 */
function octets({ idBlock, valueBlock }: OctetString): Uint8Array[] {
  if (!idBlock.isConstructed) return [valueBlock.valueHexView];
  return valueBlock.value.flatMap((piece: unknown) => (piece instanceof OctetString ? octets(piece) : []));
}

async function verified(signed: SignedData, content: Uint8Array): Promise<FileSignature> {
  const certificate = signerOf(signed);
  const about = { signed: true as const, chainTrusted: false as const, signer: certificate && described(certificate) };
  const count = signed.signerInfos.length;
  if (count === 0) return { ...about, verified: false, why: 'nobody signed' };
  if (count > SIGNER_LIMIT) return { ...about, verified: false, why: `more than ${SIGNER_LIMIT} signatures` };
  if (certificate === null) return { ...about, verified: false, why: 'no certificate of the signer comes with it' };
  for (let signer = 0; signer < count; signer += 1) {
    if (!(await fits(signed, signer, content))) {
      return { ...about, verified: false, why: 'a signature does not fit, or is of a kind that is not read' };
    }
  }
  return { ...about, verified: true, why: null };
}

async function fits(signed: SignedData, signer: number, content: Uint8Array): Promise<boolean> {
  try {
    const data = new Uint8Array(content).buffer;
    return await signed.verify({ signer, data, checkChain: false });
  } catch {
    return false;
  }
}

function signerOf({ signerInfos, certificates }: SignedData): Certificate | null {
  const id = signerInfos[0]?.sid;
  const all = (certificates ?? []).filter((one): one is Certificate => 'serialNumber' in one && 'subject' in one);
  if (id instanceof IssuerAndSerialNumber) {
    return all.find((one) => one.issuer.isEqual(id.issuer) && one.serialNumber.isEqual(id.serialNumber)) ?? null;
  }
  const key = id instanceof BaseBlock ? hex(id.valueBlock) : null;
  return all.find((one) => key !== null && subjectKey(one) === key) ?? (all.length === 1 ? (all[0] ?? null) : null);
}

/** The subject key identifier of a certificate (RFC 5280, 4.2.1.2). */
function subjectKey({ extensions }: Certificate): string | null {
  const value = extensions?.find(({ extnID }) => extnID === '2.5.29.14')?.parsedValue as unknown;
  return value instanceof OctetString ? hex(value.valueBlock) : null;
}

function hex(block: object): string | null {
  const bytes = (block as { valueHexView?: Uint8Array }).valueHexView;
  return bytes === undefined ? null : Buffer.from(bytes).toString('hex');
}

function described(certificate: Certificate) {
  return {
    subject: name(certificate.subject),
    issuer: name(certificate.issuer),
    serial: Buffer.from(certificate.serialNumber.valueBlock.valueHexView).toString('hex'),
    notBefore: moment(certificate.notBefore.value),
    notAfter: moment(certificate.notAfter.value),
  };
}

function moment(date: Date): string {
  return Number.isNaN(date.getTime()) ? '' : date.toISOString();
}

const attributes: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
};

/** A distinguished name as people write it. */
function name({ typesAndValues }: RelativeDistinguishedNames): string {
  return typesAndValues
    .map(({ type, value }) => `${attributes[type] ?? type}=${String(value.valueBlock.value)}`)
    .join(', ');
}
