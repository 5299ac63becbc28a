/** Where an element stands in a text. */
export interface Span {
  readonly name: string;
  readonly start: number;
  /** After the start tag. */
  readonly contentStart: number;
  /** Before the end tag. */
  readonly contentEnd: number;
  readonly end: number;
  readonly depth: number;
}

const tag = /<(\/?)([^\s/>!?]+)[^>]*?(\/?)>/g;

/** Texts that are taken apart again and again. */
const remembered = new Map<string, readonly Span[]>();
const rememberedMax = 256;

/** The elements of well-formed text without comments and CDATA, as `MessageSigner` writes it. */
export function spansOf(text: string): readonly Span[] {
  const known = remembered.get(text);
  if (known !== undefined) return known;
  if (remembered.size >= rememberedMax) remembered.clear();
  const spans = findSpans(text);
  remembered.set(text, spans);
  return spans;
}

function findSpans(text: string): Span[] {
  const spans: Span[] = [];
  const open: { name: string; start: number; contentStart: number }[] = [];
  for (const match of text.matchAll(tag)) {
    const [whole, closing, name = '', empty] = match;
    const end = match.index + whole.length;
    if (closing === '/') {
      const opened = open.pop();
      if (opened === undefined) break;
      spans.push({ ...opened, contentEnd: match.index, end, depth: open.length });
    } else if (empty === '/') {
      const at = { start: match.index, contentStart: end, contentEnd: end, end };
      spans.push({ name, ...at, depth: open.length });
    } else {
      open.push({ name, start: match.index, contentStart: end });
    }
  }
  return spans.sort((a, b) => a.start - b.start);
}

export function textOfSpan(text: string, { start, end }: Span): string {
  return text.slice(start, end);
}

export function replaceRange(text: string, from: number, to: number, by: string): string {
  return text.slice(0, from) + by + text.slice(to);
}
