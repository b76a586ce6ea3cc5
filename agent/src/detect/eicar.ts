/** What a file that holds the EICAR test string and nothing else is called in reports. */
export const EICAR_NAME = 'EICAR-Test-File';

/** Longest file that can be the test file: 68 characters and white space up to 128 in all. */
export const EICAR_MAX_BYTES = 128;

// In two parts, so that this source file is not itself reported by other scanners.
const TEST_STRING = Buffer.from(['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR', 'STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('-'));
const TRAILING = new Set([0x20, 0x09, 0x0a, 0x0d, 0x1a]);

/**
 * Whether these bytes are the whole of an EICAR test file. The definition (eicar.org, since May 2003): the file starts with the 68
 * characters and is at most 128 bytes long, the rest being space, tab, LF, CR or CTRL-Z. A longer file that merely starts with or
 * quotes the string is by definition not the test file; scanners that match it anywhere report documents about it.
 */
export function isEicarTestFile(content: Uint8Array): boolean {
  if (content.length > EICAR_MAX_BYTES || content.length < TEST_STRING.length) return false;
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  return (
    bytes.subarray(0, TEST_STRING.length).equals(TEST_STRING) &&
    bytes.subarray(TEST_STRING.length).every((byte) => TRAILING.has(byte))
  );
}
