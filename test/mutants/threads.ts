import type { Mutant } from './mutant.js';

const pool = { file: 'src/kernel/workers/pool.ts', tests: ['test/kernel/workers/pool.test.ts'] };
const ports = ['test/soap/ports-checks.test.ts'];
const checks = ['test/transaction/checks/checker.test.ts'];

/** Worker threads of a node. */
export const threadMutants: readonly Mutant[] = [
  {
    ...pool,
    name: 'worker-passed-by',
    rule: 'what a sender says is taken in its order, also what no worker has to look at',
    find: '    if (!this.#queues.has(sender)) then();',
    replace: '    if (sender) then();',
  },
  {
    ...pool,
    name: 'worker-queue-without-bound',
    rule: 'of a sender so many jobs wait, and no more',
    find: 'return queue.count >= workerJobsMax || ',
    replace: 'return ',
  },
  {
    ...pool,
    name: 'worker-bytes-without-bound',
    rule: 'of a sender so many bytes wait, and no more',
    find: ' || queue.bytes + bytes > workerBytesMax;',
    replace: ' && bytes >= 0;',
  },
  {
    ...pool,
    name: 'workers-without-turns',
    rule: 'senders take turns at a worker',
    find: '      if (queue.waiting.length > 0) this.#turns.push(queue);',
    replace:
      '      for (let more = queue.waiting.shift(); more; more = queue.waiting.shift()) { this.#given.push(more); if (more.job) jobs.push(more.job.job); }',
  },
  {
    ...pool,
    name: 'worker-given-all-bytes',
    rule: 'large jobs of one sender do not hold up those of others',
    find: ' && this.#bytesGiven < bytesGivenMax) {',
    replace: ') {',
  },
  {
    name: 'worker-result-ends-the-node',
    rule: 'a message that cannot be judged does not end the node, where a worker has looked at it, either',
    file: 'src/transaction/coordinator/node/peers.ts',
    find: '() => this.#takeLater(from, message)',
    replace: '() => this.#take(from, message)',
    tests: ['test/transaction/node/peers.test.ts'],
  },
  {
    name: 'worker-looks-at-all',
    rule: 'a worker looks at no more of a message than its reader takes',
    file: 'src/transaction/checks/evidence.ts',
    find: '    .slice(0, max)',
    replace: '    .slice(0, max + 64)',
    tests: checks,
  },
  {
    ...pool,
    name: 'worker-dies-unnoticed',
    rule: 'a worker that dies ends the node',
    find: '    if (!isOwn) onDeath(error);',
    replace: '',
  },
  {
    name: 'worker-vouches-for-anything',
    rule: 'a worker vouches for signatures that hold, and for no others',
    file: 'src/kernel/keys.ts',
    find: '    if (!verify(null, bytes, key, signature)) return false;',
    replace: '    if (!verify(null, bytes, key, signature) && !this.#onProved) return false;',
    tests: checks,
  },
  {
    name: 'worker-vouches-for-another',
    rule: 'what a worker vouches for counts for the bytes that it was over',
    file: 'src/kernel/keys.ts',
    find: 'return known?.key === key && known.digest === digest;',
    replace: 'return known?.key === key;',
    tests: checks,
  },
  {
    name: 'worker-refusal-ignored',
    rule: 'an envelope that no worker vouches for is judged by the main thread',
    file: 'src/soap/server.ts',
    find: '    read: (envelope, text) => verifier.authenticate(envelope, text),',
    replace:
      "    read: (envelope) => ({ message: { ...readUnprotected(envelope, () => true), principal: { role: 'client' as const, name: 'alice' } }, admit: () => undefined }),",
    tests: ports,
  },
  {
    name: 'worker-believed-twice',
    rule: 'what a worker vouches for is taken once',
    file: 'src/soap/server.ts',
    find: 'verifier.believed(found) : undefined;',
    replace: '{ message: found.message, admit: () => undefined } : undefined;',
    tests: ports,
  },
  {
    name: 'workers-never-full',
    rule: 'a port whose workers are full takes no more',
    file: 'src/soap/server.ts',
    find: 'inFlight >= inFlightMax || isBusy();',
    replace: 'inFlight >= inFlightMax;',
    tests: ports,
  },
];
