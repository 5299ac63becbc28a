import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readEnvelope, type SoapMessage } from '../../../src/soap/envelope.js';
import { spansOf } from '../mutate/markup.js';

/** A message that somebody sent to an address when all was well. */
export interface Template {
  readonly sender: string;
  readonly address: string;
  readonly message: SoapMessage;
}

/** Of messages alike in sender, receiver's service and action, so many are kept. */
const samplesMax = 4;

/**
 * The requests and notifications among the envelopes that each node has sent, one JSON string a line
 * in `NAME.jsonl`; a few of each sort.
 */
export async function readTraces(directory: string): Promise<Template[]> {
  const samples = new Map<string, Template[]>();
  for (const file of (await readdir(directory)).sort()) {
    const sender = basename(file, '.jsonl');
    for (const text of linesOf(await readFile(join(directory, file), 'utf8'))) {
      addTo(samples, templateOf(sender, text));
    }
  }
  return [...samples.values()].flat();
}

/** Templates of envelopes that one sender has sent. */
export function templatesOf(sender: string, texts: readonly string[]): Template[] {
  const samples = new Map<string, Template[]>();
  for (const text of texts) addTo(samples, templateOf(sender, text));
  return [...samples.values()].flat();
}

/** `undefined` for answers, which name no receiver. */
function templateOf(sender: string, text: string): Template | undefined {
  const message = readEnvelope(text);
  const { to } = message.addressing;
  return to === undefined ? undefined : { sender, address: to, message };
}

function addTo(samples: Map<string, Template[]>, template: Template | undefined): void {
  if (template === undefined) return;
  const { sender, address, message } = template;
  const sort = `${sender} ${new URL(address).pathname} ${message.addressing.action}`;
  const known = samples.get(sort) ?? [];
  if (known.length < samplesMax) samples.set(sort, [...known, template]);
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line.endsWith('"'))
    .map((line) => String(JSON.parse(line)));
}

/** The content of the first element of that name, with its prefix, anywhere in the text. */
export function contentOf(text: string, name: string): string | undefined {
  const span = spansOf(text).find((candidate) => candidate.name === name);
  return span && text.slice(span.contentStart, span.contentEnd);
}
