import type { Mutant } from './mutant.js';

const file = 'src/service/participant/outbox/outbox-log.ts';
const tests = ['test/service/participant/outbox.test.ts'];

export const outboxMutants: readonly Mutant[] = [
  {
    name: 'message-before-the-commit-is-done',
    rule: 'a message leaves once its commit is done, and holds later ones of its topic back until then',
    file,
    find: '      if (!isReady) held.add(message.topic);\n',
    replace: '',
    tests,
  },
  {
    name: 'message-of-the-undone-end',
    rule: 'a message leaves once the end is with the participant’s store',
    file: 'src/service/participant/resource-runner.ts',
    find: `      await this.#submit({ kind: 'settled', ref, writes: [...done.writes, ...messages] });
      outbox.committed(ref);`,
    replace: `      outbox.committed(ref);
      await this.#submit({ kind: 'settled', ref, writes: [...done.writes, ...messages] });`,
    tests,
  },
  {
    name: 'messages-after-a-restart-in-no-order',
    rule: 'what was prepared before a restart keeps its place among later messages',
    file,
    find: 'found.sort((a, b) => (a.key < b.key ? -1 : 1))',
    replace: 'found',
    tests,
  },
  {
    name: 'messages-of-the-rolled-back',
    rule: 'a transaction that aborts leaves no message',
    file,
    find: '    for (const key of call.rows) this.#rows.delete(key);\n',
    replace: '',
    tests,
  },
  {
    name: 'read-only-with-messages',
    rule: 'a call that sends a message takes part in the commit, though it has changed nothing',
    file,
    find: "? { vote: { vote: 'prepared', record: new Uint8Array() }, writes }",
    replace: '? { vote, writes }',
    tests,
  },
  {
    name: 'vote-without-its-messages',
    rule: 'messages are on disk with the vote',
    file: 'src/transaction/participant/enlistment.ts',
    find: '          ...(this.#isDurable ? this.#voteWrites.map(persist) : []),\n',
    replace: '',
    tests: ['test/transaction/participant.test.ts'],
  },
  {
    name: 'volatile-as-durable',
    rule: 'a volatile participant registers for Volatile2PC',
    file: 'src/service/participant/participant-node.ts',
    find: "  const { protocol = 'durable' } = options;",
    replace: "  const protocol = 'durable' as NonNullable<typeof options.protocol>;",
    tests: ['test/service/participant/participant-node.test.ts'],
  },
  {
    name: 'flush-after-the-vote',
    rule: 'a cache is flushed into the work before the resource votes',
    file: 'src/service/participant/synchronization.ts',
    find: `    await this.#synchronization.beforeCompletion(ref, held.work);
    const vote = await this.#resource.prepare(ref);`,
    replace: `    const vote = await this.#resource.prepare(ref);
    await this.#synchronization.beforeCompletion(ref, held.work);`,
    tests: ['test/service/participant/synchronization.test.ts'],
  },
  {
    name: 'messages-left-without-a-broker',
    rule: 'a participant does not start without a broker while messages wait',
    file: 'src/service/participant/participant-node.ts',
    find: '    if (broker === undefined && messages.length > 0) throw noBroker(node.name);\n',
    replace: '',
    tests: ['test/service/participant/participant-node.test.ts'],
  },
];
