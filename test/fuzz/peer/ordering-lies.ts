import { WireError } from '../../../src/kernel/codec/bytes.js';
import type { Sign } from '../../../src/kernel/keys.js';
import { digestOfBatch, digestOfCycleValue } from '../../../src/ordering/check-message.js';
import { encodeOrderingMessage } from '../../../src/ordering/message-codec.js';
import { encodeOrderingStatement } from '../../../src/ordering/statement-codec.js';
import type { OrderingMessage, OrderingStatement } from '../../../src/ordering/types.js';
import { mutateBytes } from '../mutate/bytes.js';
import type { Random } from '../support/random.js';
import type { Liar } from './lies.js';

/** Who tells lies. */
type Teller = Pick<Liar, 'cluster' | 'sign' | 'self'>;

/** Changes at a time. */
const changesMax = 3;
const scopes = ['pbft', 'decision-module', 'antipaxos', 'ezbft', 'ezbft-decisions', 'fab'];
const phases = ['pre-prepare', 'prepare', 'commit'];
const complaints = ['absent', 'slow'];
/** What is made anew of what is said, and what says of which kind a thing is. */
const derived = new Set(['bytes', 'kind']);

interface Fields {
  readonly [key: string]: unknown;
  readonly statement?: unknown;
  readonly value?: unknown;
  readonly replica?: unknown;
  readonly signatures?: unknown;
}

/**
 * A message with one to three things in it changed, wherever they are. Of what the liar says it signs each part
 * anew; what others have signed does not hold any more where it is changed. `undefined` where it cannot be told in bytes.
 */
export function distortOrdering(
  random: Random,
  liar: Teller,
  truth: OrderingMessage,
): OrderingMessage | undefined {
  let lie: unknown = truth;
  for (let left = random.between(1, changesMax); left > 0; left -= 1) lie = changed(random, lie);
  const tied = random.oneIn(4) ? lie : tieDigests(truth, lie);
  const message = signAnew(liar, truth, tied) as OrderingMessage;
  return told(() => encodeOrderingMessage(message)) && message;
}

/** `undefined` for what has no form in bytes, such as a place that holds nothing. */
function told<Form>(encode: () => Form): Form | undefined {
  try {
    return encode();
  } catch (error) {
    if (error instanceof WireError || error instanceof TypeError) return undefined;
    throw error;
  }
}

/** The same in bytes, or a few of its bytes changed. */
export function distortedBytes(random: Random, liar: Teller, truth: OrderingMessage): Uint8Array {
  const message = random.oneIn(4) ? truth : (distortOrdering(random, liar, truth) ?? truth);
  const bytes = encodeOrderingMessage(message);
  return message === truth ? mutateBytes(random, bytes) : bytes;
}

/** Copies what leads to the place that is changed, and leaves all else as it is. */
function changed(random: Random, value: unknown, key = ''): unknown {
  if (value instanceof Uint8Array) return otherBytes(random, value, key);
  if (Array.isArray(value)) return otherList(random, value);
  if (isFields(value)) {
    const keys = Object.keys(value).filter((one) => !derived.has(one));
    if (keys.length === 0) return value;
    const chosen = random.pick(keys);
    return { ...value, [chosen]: changed(random, value[chosen], chosen) };
  }
  if (typeof value === 'number') return otherNumber(random, value);
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'string') return otherText(random, value, key);
  return value;
}

function otherNumber(random: Random, value: number): number {
  return random.pick([
    value + 1,
    Math.max(0, value - 1),
    value + random.between(2, 12),
    random.below(4),
    random.below(200),
    ...[2 ** 32 - 1, 2 ** 40, 2 ** 53 - 1],
  ]);
}

function otherText(random: Random, value: string, key: string): string {
  if (key === 'scope') return random.pick(scopes);
  if (key === 'phase') return random.pick(phases);
  if (key === 'what') return random.pick(complaints);
  if (/^[0-9a-f]{64}$/.test(value)) return random.hex(32);
  return random.pick([`${value}x`, value.slice(0, -1) || 'x', `space/${random.below(5)}`]);
}

function otherBytes(random: Random, value: Uint8Array, key: string): Uint8Array {
  return key === 'signature' ? random.bytes(value.length) : mutateBytes(random, value);
}

function otherList(random: Random, list: readonly unknown[]): readonly unknown[] {
  if (list.length === 0) return list;
  const at = random.below(list.length);
  const item = list[at];
  const rest = list.filter((_, index) => index !== at);
  if (random.oneIn(2)) return list.with(at, changed(random, item));
  return random.pick([
    rest,
    [],
    list.slice(0, at),
    [...list.slice(0, at), item, ...list.slice(at)],
    [...rest, item],
    list.toReversed(),
    list.with(at, null),
  ]);
}

/** What names a batch, or a value, by its digest names the one that is there now. */
function tieDigests(truth: OrderingMessage, lie: unknown): unknown {
  switch (truth.kind) {
    case 'pre-prepare':
      return withDigest(
        lie,
        'prePrepare',
        told(() => digestOfBatch((lie as typeof truth).batch)),
      );
    case 'proposal':
      return withDigest(
        lie,
        'proposal',
        told(() => digestOfCycleValue((lie as typeof truth).value)),
      );
    case 'spec-order':
      return withDigest(
        lie,
        'order',
        told(() => digestOfBatch((lie as typeof truth).batch)),
      );
    default:
      return lie;
  }
}

function withDigest(lie: unknown, name: string, digest: string | undefined): unknown {
  const signed = isFields(lie) ? lie[name] : undefined;
  const statement = isFields(signed) ? signed.statement : undefined;
  if (!isFields(lie) || !isFields(signed) || !isFields(statement) || !digest) return lie;
  const isInValue = isFields(statement.value);
  const tied = isInValue
    ? { ...statement, value: { ...(statement.value as Fields), digest } }
    : { ...statement, digest };
  return { ...lie, [name]: { ...signed, statement: tied } };
}

/** Makes bytes and signatures of all that was changed, from the inside out. */
function signAnew(liar: Teller, before: unknown, after: unknown): unknown {
  if (before === after || after instanceof Uint8Array) return after;
  if (Array.isArray(after)) {
    const known = Array.isArray(before) ? before : [];
    return after.map((item, index) =>
      known.includes(item) ? item : signAnew(liar, known[index], item),
    );
  }
  if (!isFields(after)) return after;
  const was = isFields(before) ? before : {};
  const parts: Fields = Object.fromEntries(
    Object.entries(after).map(([key, value]) => [key, signAnew(liar, was[key], value)]),
  );
  if (!isFields(parts.statement) || parts.statement === was.statement) return parts;
  const statement = parts.statement as unknown as OrderingStatement;
  const bytes = told(() => encodeOrderingStatement(liar.cluster, statement));
  if (bytes === undefined) return parts;
  return { ...parts, bytes, ...signaturesOf(liar.sign, liar.self, bytes, parts) };
}

function signaturesOf(
  sign: Sign,
  self: Liar['self'],
  bytes: Uint8Array,
  { signatures }: Fields,
): Fields {
  if (!Array.isArray(signatures)) return { signature: sign(bytes) };
  return {
    signatures: signatures.map((one: unknown) =>
      isFields(one) && one.replica === self ? { ...one, signature: sign(bytes) } : one,
    ),
  };
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
