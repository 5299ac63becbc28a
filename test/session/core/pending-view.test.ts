import { describe, expect, it } from 'vitest';
import { clientId, digest } from '../../../src/kernel/ids.js';
import type { Call } from '../../../src/session/core/application.js';
import { StateQuota } from '../../../src/session/core/machine/settling.js';
import { StateTable } from '../../../src/session/core/machine/state-table.js';
import { PendingView } from '../../../src/session/core/pending-view.js';
import type { SessionId } from '../../../src/session/types.js';
import { done } from '../../support/session-answers.js';
import { WordApplication } from '../../support/word-application.js';

const session = digest('ab'.repeat(32)) as SessionId;

class Bench {
  readonly application = new WordApplication();
  readonly texts = new StateTable();
  readonly view = new PendingView(
    [this.application],
    new Map([['words', this.texts]]),
    new StateQuota(1),
  );
  #calls = 0;

  call(payload: string): Call {
    this.#calls += 1;
    return { session, sequence: this.#calls, owner: clientId('alice'), payload };
  }

  simulate(call: Call) {
    return this.view.simulate('words', call);
  }

  /** The order has the call now; it wrote this. */
  apply(call: Call, ...written: readonly (readonly [string, string | null])[]): void {
    const writes = new Map(written);
    this.texts.write(call.owner, writes);
    this.view.applied('words', call, writes);
  }
}

describe('the pending view', () => {
  it('has what waits on top of the state, each call once', () => {
    const bench = new Bench();
    const calls = ['add n 1', 'add n 1', 'put m x'].map((payload) => bench.call(payload));
    expect(calls.map((call) => bench.simulate(call))).toEqual([done('1'), done('2'), done('ok')]);
    expect(bench.texts.get('n')).toBeUndefined();
    bench.apply(calls[0] as Call, ['n', '1']);
    expect(bench.simulate(bench.call('add n 1'))).toEqual(done('3'));
    bench.apply(calls[2] as Call, ['m', 'x']);
    bench.apply(calls[1] as Call, ['n', '2']);
    expect(bench.simulate(bench.call('list '))).toEqual(done('m,n'));
    expect(bench.application.simulations).toBe(5);
  });

  it('simulates anew what waits where somebody else wrote what it had written', () => {
    const bench = new Bench();
    bench.simulate(bench.call('add n 1'));
    bench.apply(bench.call('put n 10'), ['n', '10']);
    expect(bench.simulate(bench.call('add n 1'))).toEqual(done('12'));
    // What nobody here has touched does not matter.
    const before = bench.application.simulations;
    bench.apply(bench.call('put other 1'), ['other', '1']);
    bench.simulate(bench.call('get other'));
    expect(bench.application.simulations).toBe(before + 1);
  });

  it('simulates anew where a call wrote something else, nothing, or will never be done', () => {
    const bench = new Bench();
    const calls = ['put n 5', 'put n 6', 'add n 1'].map((payload) => bench.call(payload));
    for (const call of calls) bench.simulate(call);
    const [first, second] = calls as [Call, Call, Call];
    bench.apply(first, ['n', '50']);
    expect(bench.simulate(bench.call('get n'))).toEqual(done('7'));
    bench.view.remove('words', second);
    expect(bench.simulate(bench.call('get n'))).toEqual(done('51'));
  });

  it('shows deletions, and keys of what waits', () => {
    const bench = new Bench();
    bench.texts.write(
      clientId('alice'),
      new Map([...['a', 'b', 'c'].map((key) => [key, key] as const)]),
    );
    bench.simulate(bench.call('put bb 1'));
    expect(bench.simulate(bench.call('list b'))).toEqual(done('b,bb'));
    bench.texts.write(clientId('alice'), new Map([['b', null]]));
    expect(bench.simulate(bench.call('list '))).toEqual(done('a,bb,c'));
  });
});
