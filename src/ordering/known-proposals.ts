import type { CycleValue, OrderingMessageOf } from './types.js';

type ProposalMessage = OrderingMessageOf<'proposal'>;

/**
 * Proposals as they came, or were encoded first, by their values: a replica writes them down and sends them as they
 * are, for a message has one encoding. They are forgotten with the value.
 */
const encodings = new WeakMap<
  CycleValue,
  Pick<ProposalMessage, 'scope' | 'proposal'> & { readonly bytes: Uint8Array }
>();

export function remember({ scope, proposal, value }: ProposalMessage, bytes: Uint8Array): void {
  encodings.set(value, { scope, proposal, bytes });
}

export function knownBytes({ scope, proposal, value }: ProposalMessage): Uint8Array | undefined {
  const known = encodings.get(value);
  return known?.proposal === proposal && known.scope === scope ? known.bytes : undefined;
}
