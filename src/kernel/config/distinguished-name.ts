/** Other stacks' words for the same attribute types. */
const synonyms: ReadonlyMap<string, string> = new Map([
  ['S', 'ST'],
  ['E', 'EMAILADDRESS'],
]);

/**
 * Whether two texts are the same distinguished name. They may be as RFC 4514 writes them (`CN=a,O=b`), as OpenSSL and
 * .NET do (`O = b, CN = a`; values in quotes), or as `X509Certificate` does (a line each): from the first part to the
 * last or the reverse. Names with parts of several attributes (`+`) are the same as none.
 *
 * Source: RFC 4514; .NET's `X500DistinguishedName`.
 */
export function isSameName(one: string, other: string): boolean {
  const [parts, others] = [partsOf(one), partsOf(other)];
  if (parts === undefined || others === undefined || parts.length !== others.length) return false;
  return [others, others.toReversed()].some((ordered) =>
    parts.every((part, index) => part === ordered[index]),
  );
}

/** `TYPE=value` each, with nothing escaped; `undefined` where the text is no name that can be compared. */
function partsOf(text: string): string[] | undefined {
  const parts: string[] = [];
  for (const part of splitAtSeparators(text)) {
    const equals = part.indexOf('=');
    const type = part.slice(0, Math.max(equals, 0)).trim().toUpperCase();
    const value = equals < 0 ? undefined : unescaped(part.slice(equals + 1).trim());
    if (type === '' || value === undefined) return undefined;
    parts.push(`${synonyms.get(type) ?? type}=${value}`);
  }
  return parts;
}

/** A separator counts where it is neither escaped nor in quotes. */
const tokenForm = /\\[\s\S]|"(?:[^"\\]|\\[\s\S])*"|[,;\n]|[^\\",;\n]+|[\s\S]/g;

function splitAtSeparators(text: string): string[] {
  const parts = [''];
  for (const [token] of text.matchAll(tokenForm)) {
    if (/^[,;\n]$/.test(token)) parts.push('');
    else parts.push(`${parts.pop()}${token}`);
  }
  return parts;
}

function unescaped(text: string): string | undefined {
  const quoted = /^"((?:[^"\\]|\\[\s\S])*)"$/.exec(text)?.[1];
  if (quoted === undefined && /(?:^|[^\\])(?:\\\\)*["+]/.test(text)) return undefined;
  return (quoted ?? text).replace(escapeForm, (_, pairs: string | undefined, plain: string) =>
    pairs === undefined ? plain : Buffer.from(pairs.replaceAll('\\', ''), 'hex').toString('utf8'),
  );
}

/** Bytes of UTF-8 as pairs of hexadecimal digits, or a character that stands for itself. */
const escapeForm = /((?:\\[0-9A-Fa-f]{2})+)|\\([\s\S])/g;
