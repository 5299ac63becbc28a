import { signatureBytesMax } from '../kernel/batch.js';
import { limits } from '../kernel/codec/limits.js';
import { oneCorrect, quorum, type Resilience } from '../kernel/ids.js';
import { orderingLimits } from './fields.js';

/** Bytes that one view change may bring into a new view: of each place, and besides. */
interface Sizes {
  readonly place: number;
  readonly rest: number;
}

/** How many there are in a list, and how long what follows is. */
const count = 2;
const length = 4;
/** Domain, kind, scope and cluster; phase, view, place and digest. */
const statement = length + 24 + 65 + 56;
const signed = statement + signatureBytesMax;
const signatureOfOne = 2 + signatureBytesMax;

const certificate = (signatures: number): number => statement + count + signatures * signatureOfOne;

/** Of each place: what prepared, what committed in a later view, and what was acknowledged in one later still. */
function sizesOf({ n, f }: Resilience): Sizes {
  const all = quorum({ n, f });
  const place = signed + certificate(all - 1) + certificate(all) + signed;
  return { place, rest: 2 * signed + certificate(all) + 4 * count };
}

/** Bytes of the view changes in a new view, all together. */
export const viewChangesBytesMax =
  orderingLimits.messageBytes - limits.replicas * (length + signatureBytesMax) - 2 * signed;

/** Views whose starts a correct replica has to show: a table with a digest for each place, and its confirmations. */
const STARTS = 2;

/**
 * The largest checkpoint interval with which a new view fits into a message (`orderingLimits.messageBytes`), whatever
 * its view changes show of two intervals: 64 of 25 replicas, 13 of 56.
 */
export function intervalThatFits(resilience: Resilience): number {
  const { n, f } = resilience;
  const { place, rest } = sizesOf(resilience);
  const start = certificate(oneCorrect(resilience)) + 8 + count;
  const fixed = rest + STARTS * start;
  const each = place + STARTS * 32;
  const room = viewChangesBytesMax / Math.max(quorum(resilience), n - f) - fixed;
  const places = Math.min(Math.floor(room / each), orderingLimits.window);
  return Math.max(1, Math.floor(places / 2));
}
