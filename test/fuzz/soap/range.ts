import { writeEnvelope } from '../../../src/soap/envelope.js';
import { httpHeaders } from '../../../src/soap/transport.js';
import type { SoapVersion } from '../../../src/soap/vocabulary.js';
import type { Attack, Shot } from '../attack.js';
import type { Template } from '../ground/recording.js';
import type { Victim } from '../ground/victim.js';
import type { Random } from '../support/random.js';
import type { Canary } from '../watch/canary.js';
import { type Expectation, judge } from './judge.js';
import type { Poster } from './post.js';
import type { Stock } from './stock.js';

/** What SOAP attacks have at hand. */
export interface Range {
  readonly victim: Victim;
  readonly stock: Stock;
  readonly canary: Canary;
  readonly poster: Poster;
}

/** An input for a SOAP port, and what may come of it. */
export interface SoapInput {
  readonly address: string;
  readonly text: string | Uint8Array;
  readonly version?: SoapVersion;
  readonly expected: Expectation;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** Longer than any port takes to refuse, on a machine under attack. */
const refusalTimeoutMs = 30_000;
/** Who sends what may be taken does not wait for what comes of it. */
const impatientMs = 1500;

/** An attack that posts one message. */
export function soapAttack(
  range: Range,
  kind: string,
  weight: number,
  make: (random: Random) => SoapInput,
): Attack {
  return { kind, weight, launch: async (random) => [await fire(range.poster, make(random))] };
}

async function fire(poster: Poster, input: SoapInput): Promise<Shot> {
  const { address, text, version = '1.2', expected } = input;
  const answer = await poster.post({
    address,
    headers: input.headers ?? httpHeaders(version, ''),
    body: text,
    timeoutMs: input.timeoutMs ?? (expected.kind === 'any' ? impatientMs : refusalTimeoutMs),
  });
  const shot = judge(answer, expected);
  return shot.violation === undefined ? shot : { ...shot, input: Buffer.from(text) };
}

/** Addresses of all signed services, as messages were sent to them. */
export function addressesOf(templates: readonly Template[]): string[] {
  return [...new Set(templates.map(({ address }) => address))];
}

/** A recorded message without its protection. */
export function unsigned({ message }: Template): string {
  return writeEnvelope(message);
}
