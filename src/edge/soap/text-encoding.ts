/** A body that cannot be read as text. */
export class TextEncodingError extends Error {
  override readonly name = 'TextEncodingError';

  constructor(
    /** Whether the encoding is not one that we read, or the bytes are not in the encoding. */
    readonly kind: 'unsupported' | 'malformed',
    message: string,
  ) {
    super(message);
  }
}

const utf8 = decoderOf('utf-8');
const utf16le = decoderOf('utf-16le');
const utf16be = decoderOf('utf-16be');
const latin1 = (bytes: Buffer): string => bytes.toString('latin1');

/** By the names that IANA and common stacks have for them, in lower case. */
const decoders: ReadonlyMap<string, (bytes: Buffer) => string> = new Map([
  ['utf-8', utf8],
  ['utf8', utf8],
  ['us-ascii', ascii],
  ['ascii', ascii],
  ['iso-8859-1', latin1],
  ['latin1', latin1],
  ['windows-1252', windows1252],
  ['cp1252', windows1252],
  ['utf-16', utf16],
  ['utf-16le', utf16le],
  ['utf-16be', utf16be],
]);

/**
 * The text of an XML document as HTTP brought it (RFC 7303 §3): a byte order mark counts first, then the
 * `charset` of the content type, then what the document declares, and UTF-8 where nothing does. Throws
 * `TextEncodingError`.
 */
export function decodeXml(bytes: Buffer, charset: string | undefined): string {
  const name = markOf(bytes) ?? charset?.toLowerCase() ?? declaredEncoding(bytes);
  const decode = decoders.get(name);
  if (decode === undefined) {
    throw new TextEncodingError(
      'unsupported',
      `The encoding "${name.slice(0, 40)}" is not supported; send UTF-8 or UTF-16.`,
    );
  }
  try {
    return decode(bytes);
  } catch {
    throw new TextEncodingError('malformed', `The message is not in ${name}, as it says it is.`);
  }
}

function markOf(bytes: Buffer): string | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 'utf-8';
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return undefined;
}

/** An encoding declaration ends well before so many bytes. */
const declarationBytesMax = 256;
const declarationForm = /^<\?xml\s[^>]*?\bencoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]*)["']/;

/** XML 1.0 Appendix F, without the families of encodings that are not supported anyway. */
function declaredEncoding(bytes: Buffer): string {
  if (bytes[0] === 0x3c && bytes[1] === 0) return 'utf-16le';
  if (bytes[0] === 0 && bytes[1] === 0x3c) return 'utf-16be';
  const beginning = bytes.toString('latin1', 0, declarationBytesMax);
  const name = declarationForm.exec(beginning)?.[1]?.toLowerCase() ?? 'utf-8';
  if (name.startsWith('utf-16')) {
    throw new TextEncodingError('malformed', `The message is not in ${name}, as it says it is.`);
  }
  return name;
}

/** Without a mark it is big-endian by RFC 2781; what begins as little-endian XML is read as that. */
function utf16(bytes: Buffer): string {
  return bytes[0] === 0x3c && bytes[1] === 0 ? utf16le(bytes) : utf16be(bytes);
}

/** What stands at 0x80 to 0x9F; the rest is Latin-1. Node's own decoder reads Latin-1 throughout. */
const upper1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

function windows1252(bytes: Buffer): string {
  return latin1(bytes).replace(/[\x80-\x9f]/g, (c) => upper1252[c.charCodeAt(0) - 0x80] ?? c);
}

function ascii(bytes: Buffer): string {
  if (bytes.some((byte) => byte > 0x7f)) throw new RangeError('not ASCII');
  return bytes.toString('latin1');
}

/** Leaves a byte order mark out. Throws where the bytes are not in the encoding. */
function decoderOf(label: string): (bytes: Buffer) => string {
  const decoder = new TextDecoder(label, { fatal: true });
  return (bytes) => decoder.decode(bytes);
}
