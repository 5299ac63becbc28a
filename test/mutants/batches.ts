import type { Mutant } from './mutant.js';

const file = 'src/kernel/batch.ts';
const tests = ['test/kernel/batch.test.ts'];
const underWay = ['test/transaction/under-way.test.ts'];

/** One signature for several texts, and the memory that messages share. */
export const batchMutants: readonly Mutant[] = [
  {
    name: 'batch-of-any-number',
    rule: 'a text has one place in its batch, so that no party makes another signature of one',
    file,
    find: 'concatBytes(rootPrefix, new Uint8Array([leaves]), root)',
    replace: 'concatBytes(rootPrefix, root)',
    tests,
  },
  {
    name: 'batch-root-is-a-statement',
    rule: 'no root is the text of a statement',
    file,
    find: "...new TextEncoder().encode('concordat/1'), 0xff]",
    replace: "...new TextEncoder().encode('concordat/1'), 0x00]",
    tests,
  },
  {
    name: 'batch-leaf-is-a-node',
    rule: 'no inner node of the tree is a text',
    file,
    find: 'return sha256Bytes(leafRoom.subarray(0, leafPrefix.length + text.length));',
    replace: 'return sha256Bytes(text);',
    tests,
  },
  {
    name: 'batch-without-bound',
    rule: 'a signature has so many bytes, and no more',
    file,
    find: 'count > batchLeavesMax || index >= count',
    replace: 'index >= count',
    tests,
  },
  {
    name: 'batch-place-behind-the-last',
    rule: 'a text is among those of its batch',
    file,
    find: 'count > batchLeavesMax || index >= count',
    replace: 'count > batchLeavesMax',
    tests,
  },
  {
    name: 'batch-with-a-tail',
    rule: 'a signature has one form',
    file,
    find: 'if (signature.length !== signatureLength(signature)) return undefined;',
    replace: '',
    tests,
  },
  {
    name: 'writers-in-one-room',
    rule: 'a writer has room of its own while it writes',
    file: 'src/kernel/codec/bytes.ts',
    find: '      spare = undefined;',
    replace: '      spare = this.#bytes;',
    tests: ['test/kernel/writer.test.ts'],
  },
  {
    name: 'kept-with-its-page',
    rule: 'a statement that is kept keeps no long message',
    file: 'src/agreement/peer-message.ts',
    find: 'const mayShare = bytes.length <= sharedBytesMax;',
    replace: 'const mayShare = true;',
    tests: ['test/agreement/peer-messages.test.ts'],
  },
  {
    name: 'turns-for-the-abandoned',
    rule: 'what a participant waits for makes no turn longer',
    file: 'src/transaction/participant/participant.ts',
    find: 'return this.#heard.size;',
    replace: 'return this.#open.size;',
    tests: underWay,
  },
  {
    name: 'turns-for-the-silent',
    rule: 'a client that says nothing makes no turn longer',
    file: 'src/transaction/initiator/initiator.ts',
    find: 'return this.#heard.size;',
    replace: 'return this.#open.size;',
    tests: underWay,
  },
  {
    name: 'turns-for-what-a-liar-names',
    rule: 'slots that one replica alone speaks of make no turn longer',
    file: 'src/agreement/core/agreement.ts',
    find: 'if (slot.wanted && !isLate(slot)) count += 1;',
    replace: 'if (!isLate(slot)) count += 1;',
    tests: underWay,
  },
  {
    name: 'turns-for-the-late',
    rule: 'slots that nobody answers make no turn longer',
    file: 'src/agreement/core/agreement.ts',
    find: 'if (slot.wanted && !isLate(slot)) count += 1;',
    replace: 'if (slot.wanted) count += 1;',
    tests: underWay,
  },
  {
    name: 'store-that-throws',
    rule: 'a store that throws ends the driver, as one that rejects does',
    file: 'src/kernel/driver/driver.ts',
    find: 'written = async (',
    replace: 'written = (',
    tests: ['test/kernel/driver/driver.test.ts'],
  },
];
