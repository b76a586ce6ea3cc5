import { z } from 'zod';
import { filePlace } from './file-place.ts';
import { isShallow, TOO_DEEP } from './nesting.ts';
import { appleDialect, appleDictionary } from './vpn-apple.ts';
import { ciscoProfile } from './vpn-cisco.ts';
import { vpnFinding } from './vpn-lint.ts';
import { ciscoFinding } from './vpn-lint-cisco.ts';

/** Why a file is not read. */
export const fileRefusal = z.object({
  result: z.literal('refused'),
  reason: z.enum(['too-large', 'malformed', 'template', 'encrypted', 'unsupported', 'not-a-profile']),
  /** Never a value of the file: it may be a secret. */
  text: z.string(),
  /** Within what was signed, when the file is signed. `null`: the file as a whole. */
  at: filePlace.nullable(),
});
export type FileRefusal = z.infer<typeof fileRefusal>;

/** The signature of a file, apart from what it says. A chain of certificates is never followed: `chainTrusted` is false. */
export const fileSignature = z.discriminatedUnion('signed', [
  z.object({ signed: z.literal(false) }),
  z.object({
    signed: z.literal(true),
    /** Every signature in the file fits the content and the certificate that comes with it. */
    verified: z.boolean(),
    /** Why not. */
    why: z.string().nullable(),
    chainTrusted: z.literal(false),
    signer: z
      .object({
        subject: z.string(),
        issuer: z.string(),
        serial: z.string(),
        notBefore: z.string(),
        notAfter: z.string(),
      })
      .nullable(),
  }),
]);
export type FileSignature = z.infer<typeof fileSignature>;

/** What stands at the place of a value that the import keeps to itself. */
export const WITHHELD = '[withheld]';

/** A place of which the value was left out or changed, and why. */
export const withheldValue = z.object({
  /** JSON pointer into `document`. */
  place: z.string(),
  why: z.enum(['secret', 'data', 'vendor', 'unknown-key']),
});
export type WithheldValue = z.infer<typeof withheldValue>;

/** One payload of a .mobileconfig. */
export const importedApplePolicy = z.object({
  payloadType: z.enum(['com.apple.vpn.managed', 'com.apple.vpn.managed.applayer', 'com.apple.dnsSettings.managed']),
  /** The index in PayloadContent of the profile. */
  index: z.int().min(0),
  name: z.string().nullable(),
  /** The payload as JSON: what export takes. */
  document: z.record(z.string(), z.unknown()),
  /** JSON pointer into `document` to the dictionary with the on-demand keys. */
  base: z.string(),
  /** That dictionary: what evaluate, lint and diff take. `null`: they cannot read it, and `findings` says why; or dnsSettings. */
  payload: appleDictionary.nullable(),
  withheld: z.array(withheldValue),
  /** Values that look like variables that a device manager fills in, where none decides, or in names of networks. JSON pointers. */
  variables: z.array(z.string()),
  /** What lint says; `at` is where `place` stands in the file. */
  findings: z.array(vpnFinding.extend({ at: filePlace.nullable() })),
});
export type ImportedApplePolicy = z.infer<typeof importedApplePolicy>;

/** What a .mobileconfig holds. */
export const importedMobileconfig = z.object({
  result: z.literal('imported'),
  format: z.enum(['plist-xml', 'plist-binary']),
  profile: z.object({ name: z.string().nullable(), identifier: z.string().nullable() }),
  signature: fileSignature,
  policies: z.array(importedApplePolicy),
  /** The types of the other payloads, which nobody read. */
  otherPayloads: z.array(z.string()),
});
export type ImportedMobileconfig = z.infer<typeof importedMobileconfig>;

/** One host entry of an AnyConnect profile. */
export const importedCiscoPolicy = z.object({
  name: z.string(),
  /** Of the server. It is no `serverAddress` of the profile: where the editor added it to Never, it stands there. */
  address: z.string(),
  profile: ciscoProfile,
  activateOnImport: z.boolean(),
  at: filePlace,
  findings: z.array(ciscoFinding.extend({ at: filePlace.nullable() })),
});
export type ImportedCiscoPolicy = z.infer<typeof importedCiscoPolicy>;

/** What an AnyConnect profile holds. */
export const importedCiscoProfile = z.object({
  result: z.literal('imported'),
  format: z.literal('anyconnect-xml'),
  policies: z.array(importedCiscoPolicy),
  /** Names of elements, with how many there are, that have no part in on-demand. */
  notModelled: z.array(z.object({ path: z.string(), count: z.int().positive() })),
});
export type ImportedCiscoProfile = z.infer<typeof importedCiscoProfile>;

export const vpnImportAnswer = z.discriminatedUnion('format', [importedMobileconfig, importedCiscoProfile]);
export type VpnImportAnswer = z.infer<typeof vpnImportAnswer>;

/** Query of `POST /v1/vpn/import`. */
export const vpnImportQuery = z.object({
  dialect: appleDialect.default('apple-mdm').describe('Whose lint the findings of a .mobileconfig are of.'),
});

const name = z.string().min(1).max(256);
const acceptFindings = z
  .array(z.string().max(64))
  .max(32)
  .default([])
  .describe('Rules of lint whose errors do not refuse the export.');

const applePolicy = z.record(z.string(), z.unknown()).refine((value) => isShallow(value), TOO_DEEP);

/** Body of `POST /v1/vpn/export`. */
export const vpnExportRequest = z.discriminatedUnion('target', [
  z.object({
    target: z.literal('apple'),
    /** VPN dictionaries, or whole payloads as `document` of an import. */
    policies: z.array(applePolicy).min(1).max(16),
    name: name.default('VPN on demand'),
    identifier: name.regex(/^[A-Za-z0-9.-]+$/).default('org.example.vpn'),
    /** Of policies that are no whole payload. */
    vpnType: z.enum(['VPN', 'IPSec', 'IKEv2', 'TransparentProxy']).default('IKEv2'),
    binary: z.boolean().default(false),
    /** Whose lint decides. */
    dialect: appleDialect.default('apple-mdm'),
    acceptFindings,
  }),
  z.object({
    target: z.literal('intune'),
    policies: z.array(applePolicy).length(1),
    dialect: appleDialect.default('apple-mdm'),
    acceptFindings,
  }),
  z.object({
    target: z.literal('cisco'),
    policies: z
      .array(
        z.object({
          name,
          address: z
            .string()
            .min(1)
            .max(1024)
            .optional()
            .describe('Default: `serverAddress` of the profile, else the name.'),
          profile: ciscoProfile,
          activateOnImport: z.boolean().default(false),
        }),
      )
      .min(1)
      .max(200),
    acceptFindings,
  }),
]);
export type VpnExportRequest = z.infer<typeof vpnExportRequest>;

/** What an export says beside the file. */
export const exportRemarks = z.object({
  /** What lint says; errors refuse the export. `policy` is the index of the policy. */
  findings: z.array(z.union([vpnFinding, ciscoFinding]).and(z.object({ policy: z.int().min(0) }))),
  /** What the file lacks or cannot hold, in words. */
  remarks: z.array(z.object({ policy: z.int().min(0).nullable(), place: z.string(), text: z.string() })),
});
export type ExportRemarks = z.infer<typeof exportRemarks>;

export const vpnExportAnswer = exportRemarks.extend({
  result: z.literal('exported'),
  mediaType: z.string(),
  /** The file; of a binary one its base64. */
  content: z.string(),
  encoding: z.enum(['text', 'base64']),
});
export type VpnExportAnswer = z.infer<typeof vpnExportAnswer>;
