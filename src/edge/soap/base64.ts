/** Base64 in its one canonical form, but for line breaks. Throws `RangeError` for anything else. */
export function parseBase64(text: string): Uint8Array {
  const packed = text.replaceAll(/[ \t\r\n]/g, '');
  const decoded = Buffer.from(packed, 'base64');
  if (decoded.length === 0 || decoded.toString('base64') !== packed) {
    throw new RangeError('not base64');
  }
  return decoded;
}
