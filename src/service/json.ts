/** A value of JSON, as operations take and return it. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

/** What applications, procedures, operations and reasons are called. */
export const serviceNameRule = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** What a payload of a request or a call may have, as JSON text. */
export const payloadBytesMax = 16 * 1024;
/** What a result may have, as JSON text. */
export const resultBytesMax = 4 * 1024;
/** How deep arrays and objects may be in one another: what is deeper overflows the stack of those that walk it. */
export const jsonDepthMax = 64;

/**
 * The JSON text of a value, in ASCII: what is sent, signed and compared. Two values with the same text are one. Throws
 * `RangeError` where the value has none, or where the text is longer than `bytesMax`.
 */
export function jsonText(value: Json, bytesMax: number): string {
  const text = textOf(value);
  if (text === undefined) throw new RangeError('not a value of JSON');
  requireShallow(text);
  const ascii = text.replace(/[\u007f-\uffff]/g, escaped);
  if (ascii.length > bytesMax) throw new RangeError(`longer than ${bytesMax} bytes as JSON`);
  return ascii;
}

/** Reads such a text. Throws `RangeError` where it is none. */
export function parseJson(text: string, bytesMax: number): Json {
  if (text.length > bytesMax) throw new RangeError(`longer than ${bytesMax} bytes`);
  requireShallow(text);
  try {
    return JSON.parse(text) as Json;
  } catch {
    throw new RangeError('not JSON');
  }
}

/** The text itself, once it is known to be JSON in ASCII. */
export function jsonTextOf(bytesMax: number): (text: string) => string {
  return (text) => {
    if (!/^[\x20-\x7e]*$/.test(text)) throw new RangeError('not JSON in ASCII, on one line');
    parseJson(text, bytesMax);
    return text;
  };
}

/** Throws `RangeError` where brackets outside of strings are too deep. Told from the text: no value is made before. */
function requireShallow(text: string): void {
  let depth = 0;
  for (const [mark] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/gs)) {
    if (mark === '[' || mark === '{') depth += 1;
    if (mark === ']' || mark === '}') depth -= 1;
    if (depth > jsonDepthMax) throw new RangeError(`deeper than ${jsonDepthMax} levels`);
  }
}

/** Undefined where the value holds itself, or what JSON has no form for. */
function textOf(value: Json): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

function escaped(letter: string): string {
  return `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
