import { WireError } from './error.js';

/** The value of the two lower-case hexadecimal digits at `at`. Throws `WireError` on anything else. */
export function byteOfHex(text: string, at: number): number {
  return (digitValue(text.charCodeAt(at)) << 4) | digitValue(text.charCodeAt(at + 1));
}

function digitValue(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  if (code >= 0x61 && code <= 0x66) return code - 0x61 + 10;
  throw new WireError('not a lower-case hexadecimal digit');
}
