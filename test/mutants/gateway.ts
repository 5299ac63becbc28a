import type { Mutant } from './mutant.js';

const core = ['test/gateway/core.test.ts'];
const system = ['test/gateway/gateway.test.ts'];
const folder = 'src/gateway';

/** What a gateway promises to plain software and to the cluster. */
export const gatewayMutants: readonly Mutant[] = [
  {
    name: 'gateway-volatile-later',
    rule: 'volatile participants have voted before the initiators are asked for the commit',
    file: `${folder}/core/activity.ts`,
    find: "({ protocol, hasVoted }) => protocol === 'durable' || hasVoted,",
    replace: '() => true,',
    tests: core,
  },
  {
    name: 'gateway-outcome-unproved',
    rule: 'a durable participant in doubt gets only an outcome that is proved',
    file: `${folder}/core/activity.ts`,
    find: "outcome === 'committed' || participant.isInDoubt ? [] : participant.rollBack()",
    replace: "outcome === 'committed' ? [] : participant.rollBack()",
    tests: core,
  },
  {
    name: 'gateway-vote-not-on-disk',
    rule: 'a vote of a plain participant is on disk before it leaves',
    file: `${folder}/core/plain-participant.ts`,
    find: "      ...this.record(),\n      ...this.#stopTimers(),\n      ...answer(asked, { kind: 'vote', vote: 'prepared' }),",
    replace:
      "      ...this.#stopTimers(),\n      ...answer(asked, { kind: 'vote', vote: 'prepared' }),",
    tests: core,
  },
  {
    name: 'gateway-commit-not-on-disk',
    rule: 'the outcome is on disk before a plain participant gets it',
    file: `${folder}/core/plain-participant.ts`,
    find: 'const recorded = this.record();',
    replace: 'const recorded: Outputs = [];',
    tests: core,
  },
  {
    name: 'gateway-question-not-on-disk',
    rule: 'what the client asks for is on disk before it is accepted',
    file: `${folder}/core/activity.ts`,
    find: "outputs.push(...this.#persist({ asked: 'commit', askedBy: messageId }));",
    replace: "this.#record = { ...this.#record, asked: 'commit', askedBy: messageId };",
    tests: core,
  },
  {
    name: 'gateway-late-registration',
    rule: 'no participant registers once the initiators are asked',
    file: `${folder}/core/activity.ts`,
    find: "if (!isEarly || this.#record.asked === 'rollback') return answer(call, refused('too-late'));",
    replace: 'isEarly;',
    tests: core,
  },
  {
    name: 'gateway-enlisted-twice',
    rule: 'a plain participant is enlisted once',
    file: `${folder}/core/gateway.ts`,
    find: "if (participant.ref !== undefined) return answer(call, refused('too-late'));",
    replace: '',
    tests: core,
  },
  {
    name: 'gateway-enlisted-elsewhere',
    rule: 'a plain participant is enlisted in the transaction that it registered for',
    file: `${folder}/core/gateway.ts`,
    find: 'enlisted === undefined || enlisted.activity.tid !== ref.tid',
    replace: 'enlisted === undefined',
    tests: core,
  },
  {
    name: 'gateway-unvoted-in-doubt',
    rule: 'what the gateway’s participant has no vote for after a restart is rolled back',
    file: `${folder}/core/activity.ts`,
    find: 'return hasEnded || mayCommit ? [] : participant.rollBack();',
    replace: 'return hasEnded || mayCommit ? [] : [];',
    tests: core,
  },
  {
    name: 'gateway-undecided-commits',
    rule: 'what is undecided at a restart is rolled back',
    file: `${folder}/core/activity.ts`,
    find: "decision === undefined ? this.#decide('rollback')",
    replace: "decision === undefined ? this.#decide('commit')",
    tests: core,
  },
  {
    name: 'gateway-outcome-not-repeated',
    rule: 'an outcome is delivered until it is acknowledged, after a restart, too',
    file: `${folder}/core/activity.ts`,
    find: 'const sent = restored.flatMap((participant) => participant.resume());',
    replace: 'const sent = restored.flatMap(() => []);',
    tests: core,
  },
  {
    name: 'gateway-second-thoughts',
    rule: 'once the initiators are asked for the commit the gateway rolls nothing back by itself',
    file: `${folder}/core/activity.ts`,
    find: 'return this.#record.decision === undefined && this.#record.outcome === undefined',
    replace: 'return this.#record.outcome === undefined',
    tests: core,
  },
  {
    name: 'gateway-enlists-for-anybody',
    rule: 'only the gateway’s own client has its participant enlist',
    file: `${folder}/node/plain-resource.ts`,
    find: "if (call.client !== client) throw new Refusal('NotTheGateway');",
    replace: 'client;',
    tests: system,
  },
  {
    name: 'gateway-calls-anybody',
    rule: 'only addresses of the list are registered, and called',
    file: `${folder}/node/plain-ports.ts`,
    find: 'if (!ports.mayCall(service.address)) {',
    replace: 'if (ports.mayCall(service.address) === undefined) {',
    tests: system,
  },
];
