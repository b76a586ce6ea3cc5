import type { AppleDialect } from '@quell/contracts/vpn-apple';
import type { FileRefusal, VpnImportAnswer } from '@quell/contracts/vpn-formats';
import { importCiscoProfile } from '../cisco-profile/import.ts';
import { importMobileconfig } from '../mobileconfig/import.ts';

/** Reads a .mobileconfig or an AnyConnect profile; which of them, the file says itself. */
export async function importFile(bytes: Uint8Array, dialect: AppleDialect): Promise<VpnImportAnswer | FileRefusal> {
  return isCiscoProfile(bytes) ? importCiscoProfile(bytes) : importMobileconfig(bytes, dialect);
}

/** By the name of the first element, in whatever encoding: every second byte of UTF-16 is zero here. */
function isCiscoProfile(bytes: Uint8Array): boolean {
  const head = new TextDecoder('latin1').decode(bytes.subarray(0, 4_096)).replaceAll('\0', '');
  const [, root] = /<(?![?!])(?:[\w.-]+:)?([\w.-]+)/.exec(head.replace(/<!--[\s\S]*?-->/g, '')) ?? [];
  return /^[\s\xbb\xbf\xef\xfe\xff]*</.test(head) && root === 'AnyConnectProfile';
}
