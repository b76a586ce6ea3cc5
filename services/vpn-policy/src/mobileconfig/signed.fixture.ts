import { webcrypto } from 'node:crypto';
import { Integer, ObjectIdentifier, OctetString, Utf8String } from 'asn1js';
import {
  Attribute,
  AttributeTypeAndValue,
  Certificate,
  ContentInfo,
  EncapsulatedContentInfo,
  IssuerAndSerialNumber,
  SignedAndUnsignedAttributes,
  SignedData,
  SignerInfo,
} from 'pkijs';

const algorithms = {
  ECDSA: { name: 'ECDSA', namedCurve: 'P-256' },
  RSA: {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: 'SHA-256',
  },
} as const;

export type SigningKind = keyof typeof algorithms;

/** A self-signed certificate made for a test, with its key. */
export async function signerFor(kind: SigningKind) {
  const keys = (await webcrypto.subtle.generateKey(algorithms[kind], true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair;
  const certificate = new Certificate({ version: 2, serialNumber: new Integer({ value: 7 }) });
  for (const name of [certificate.subject, certificate.issuer]) {
    name.typesAndValues.push(
      new AttributeTypeAndValue({ type: '2.5.4.3', value: new Utf8String({ value: `Test ${kind}` }) }),
    );
  }
  certificate.notBefore.value = new Date('2026-01-01T00:00:00Z');
  certificate.notAfter.value = new Date('2036-01-01T00:00:00Z');
  await certificate.subjectPublicKeyInfo.importKey(keys.publicKey);
  await certificate.sign(keys.privateKey, 'SHA-256');
  return { certificate, privateKey: keys.privateKey };
}
export type Signer = Awaited<ReturnType<typeof signerFor>>;

type Form = {
  attributes?: boolean;
  detached?: boolean;
  withoutCertificate?: boolean;
  /** What stands in the envelope in place of the content, put there after signing. */
  eContent?: OctetString;
};

/** An OCTET STRING in pieces; a piece that is a list is one in pieces itself. */
export function inPieces(pieces: readonly (Uint8Array | readonly Uint8Array[])[]): OctetString {
  return new OctetString({
    value: pieces.map((piece) =>
      piece instanceof Uint8Array ? new OctetString({ valueHex: new Uint8Array(piece).buffer }) : inPieces(piece),
    ),
  });
}

/** `content` in a CMS envelope, DER. */
export async function signed(content: Uint8Array, { certificate, privateKey }: Signer, form: Form = {}) {
  const { attributes = true, detached = false, withoutCertificate = false, eContent } = form;
  const data = new Uint8Array(content).buffer;
  const digest = await webcrypto.subtle.digest('SHA-256', data);
  const cms = new SignedData({
    version: 1,
    encapContentInfo: new EncapsulatedContentInfo({ eContentType: ContentInfo.DATA }),
    signerInfos: [
      new SignerInfo({
        version: 1,
        sid: new IssuerAndSerialNumber({ issuer: certificate.issuer, serialNumber: certificate.serialNumber }),
        ...(attributes
          ? {
              signedAttrs: new SignedAndUnsignedAttributes({
                type: 0,
                attributes: [
                  new Attribute({
                    type: '1.2.840.113549.1.9.3',
                    values: [new ObjectIdentifier({ value: ContentInfo.DATA })],
                  }),
                  new Attribute({
                    type: '1.2.840.113549.1.9.4',
                    values: [new OctetString({ valueHex: digest })],
                  }),
                ],
              }),
            }
          : {}),
      }),
    ],
    certificates: withoutCertificate ? [] : [certificate],
  });
  if (!detached) cms.encapContentInfo.eContent = new OctetString({ valueHex: data });
  await cms.sign(privateKey, 0, 'SHA-256', data);
  if (eContent !== undefined) cms.encapContentInfo.eContent = eContent;
  const envelope = new ContentInfo({ contentType: ContentInfo.SIGNED_DATA, content: cms.toSchema(true) });
  return new Uint8Array(envelope.toSchema().toBER());
}
