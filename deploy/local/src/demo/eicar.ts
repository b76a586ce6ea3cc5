/**
 * The EICAR test string: harmless, and by agreement treated as a virus by every scanner. It stands here in two halves, so that
 * scanners leave this file alone.
 */
export const EICAR = [String.raw`X5O!P%@AP[4\PZX54(P^)7CC)7}`, '$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('');
