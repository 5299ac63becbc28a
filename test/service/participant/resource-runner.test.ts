import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Refusal } from '../../../src/service/participant/operations.js';
import type { Resource } from '../../../src/service/participant/resource.js';
import { tasksMax } from '../../../src/service/participant/resource-runner.js';
import type { ApplicationVote } from '../../../src/transaction/participant/messages.js';
import { until } from '../../kernel/support/wait.js';
import { never, operation, RunnerRig, ref, turn } from './runner-rig.js';

const [one, two] = [ref(1), ref(2)];
const failing = (times: number) => {
  let calls = 0;
  return async (): Promise<never[]> => {
    calls += 1;
    if (calls <= times) throw new Error('no connection');
    return [];
  };
};
/** Methods may throw at once, too, where they are written in JavaScript. */
const throwing = () => {
  throw new Error('at once');
};

describe('what a resource is asked for', () => {
  it('keeps its order for each enlistment, and the answers their order', async () => {
    const rig = new RunnerRig();
    rig.runner.execute(one, operation('echo'));
    rig.runner.prepare(one);
    rig.runner.commit(one);
    await until('all are done', () => rig.given.length === 3);
    expect(rig.resource.asked).toEqual(['begin 1', 'prepare 1', 'commit 1']);
    expect(rig.results).toEqual([{ kind: 'done', result: '"work"' }, 'prepared', 'settled 1']);
  });

  it('waits for the method before it, however slow; other enlistments do not', async () => {
    let begin = (_: string) => {};
    const slow = new Promise<string>((resolve) => {
      begin = resolve;
    });
    const rig = new RunnerRig({ begin: (of) => (of === one ? slow : Promise.resolve('fast')) });
    rig.runner.execute(one, operation('echo'));
    rig.runner.rollBack(one);
    rig.runner.execute(two, operation('echo'));
    await until('the other is done', () => rig.given.length === 2);
    expect(rig.resource.asked).toEqual(['begin 1', 'begin 2']);
    begin('late');
    await until('rolled back', () => rig.resource.asked.includes('rollBack 1'));
  });
});

describe('an operation', () => {
  it('is refused by its code; what else it throws or returns is a failure', async () => {
    const rig = new RunnerRig(
      {},
      {
        no: () => {
          throw new Refusal('FullyBooked');
        },
        broken: () => {
          throw new TypeError('a defect');
        },
        late: async () => {
          throw undefined;
        },
        large: () => 'a'.repeat(4096),
        odd: () => 7n as never,
        nothing: () => {},
      },
    );
    const names = ['no', 'broken', 'late', 'large', 'odd', 'nothing', 'toString', 'none'];
    for (const [at, name] of names.entries()) rig.runner.execute(ref(at), operation(name));
    await until('all have answered', () => rig.given.length === names.length);
    const byRef = new Map(rig.given.map((input) => [input.ref, input]));
    const failed = { kind: 'refused', reason: 'OperationFailed' };
    const unknown = { kind: 'refused', reason: 'UnknownOperation' };
    const results = [...byRef]
      .sort(([a], [b]) => (a.tid < b.tid ? -1 : 1))
      .map(([, input]) => (input.kind === 'executed' ? input.result : undefined));
    expect(results).toEqual([
      { kind: 'refused', reason: 'FullyBooked' },
      ...[failed, failed, failed, failed],
      { kind: 'done', result: 'null' },
      ...[unknown, unknown],
    ]);
  });

  it('has no reason that initiators would act on', () => {
    for (const reason of ['', '7', 'a b', 'ål', 'a'.repeat(64), 'Busy', 'RequestUsed']) {
      expect(() => new Refusal(reason), reason).toThrow(RangeError);
    }
    expect(new Refusal('FullyBooked').data).toEqual({ reason: 'FullyBooked' });
  });

  it('that takes too long is over, and is told so by its signal', async () => {
    let signal: AbortSignal | undefined;
    const slow = (_: string, call: { readonly signal: AbortSignal }) => {
      signal = call.signal;
      return never<null>();
    };
    const rig = new RunnerRig({}, { slow }, 20);
    rig.runner.execute(one, operation('slow'));
    await until('it is over', () => rig.given.length === 1);
    expect(rig.results).toEqual([{ kind: 'refused', reason: 'OutOfTime' }]);
    expect(signal?.aborted).toBe(true);
    rig.runner.release(one);
    await until('rolled back', () => rig.resource.asked.includes('rollBack 1'));
  });

  it('ends with its transaction', async () => {
    let signal: AbortSignal | undefined;
    const slow = (_: string, call: { readonly signal: AbortSignal }) => {
      signal = call.signal;
      return never<null>();
    };
    const rig = new RunnerRig({}, { slow });
    rig.runner.execute(one, operation('slow'));
    await turn();
    rig.runner.rollBack(one);
    await until('rolled back', () => rig.results.includes('settled 1'));
    expect(signal?.aborted).toBe(true);
  });
});

describe('a resource that fails', () => {
  it.each<[string, Resource<string>['begin']]>([
    ['rejects', () => Promise.reject(new Error('no connection'))],
    ['throws', throwing],
  ])('at begin: %s, and the call is refused and rolled back', async (_, begin) => {
    const rig = new RunnerRig({ begin });
    rig.runner.execute(one, operation('echo'));
    await until('refused', () => rig.given.length === 1);
    expect(rig.results).toEqual([{ kind: 'refused', reason: 'OperationFailed' }]);
    rig.runner.release(one);
    await until('rolled back', () => rig.resource.asked.includes('rollBack 1'));
  });

  it('at begin by hanging: the call is answered in time, and nothing is called meanwhile', async () => {
    const rig = new RunnerRig({ begin: () => never() }, undefined, 20);
    rig.runner.execute(one, operation('echo'));
    await until('it is over', () => rig.given.length === 1);
    expect(rig.results).toEqual([{ kind: 'refused', reason: 'OutOfTime' }]);
    rig.runner.release(one);
    await turn();
    expect(rig.resource.asked).toEqual(['begin 1']);
  });

  const votes: unknown[] = [undefined, null, {}, 'prepared', { vote: 'yes' }, { vote: 'prepared' }];
  it.each<[string, () => Promise<ApplicationVote>]>([
    ['rejects', () => Promise.reject(new Error('no connection'))],
    ['throws', throwing],
    ...votes.map((vote): [string, () => Promise<never>] => [
      `says ${JSON.stringify(vote)}`,
      () => Promise.resolve(vote as never),
    ]),
  ])('at prepare: %s, and votes to abort', async (_, prepare) => {
    const rig = new RunnerRig({ prepare });
    rig.runner.execute(one, operation('echo'));
    rig.runner.prepare(one);
    await until('voted', () => rig.given.length === 2);
    rig.runner.release(one);
    await until('rolled back', () => rig.resource.asked.includes('rollBack 1'));
    expect(rig.results).toEqual([{ kind: 'done', result: '"work"' }, 'aborted']);
  });

  it('at commit or rollback is asked again until it is done, and the log is not flooded', async () => {
    const rig = new RunnerRig({ commit: failing(4), rollBack: failing(4) as never });
    rig.runner.commit(one);
    rig.runner.rollBack(two);
    await until('both are settled', () => rig.given.length === 2);
    expect(rig.resource.asked.filter((asked) => asked === 'commit 1')).toHaveLength(5);
    expect(rig.resource.asked.filter((asked) => asked === 'rollBack 2')).toHaveLength(5);
    expect(rig.logged).toEqual(['resource-failed', 'resource-failed']);
  });

  it('to say what it wrote has written nothing here; what cannot be stored is asked for again', async () => {
    const answers: unknown[] = [
      [{ key: 7, value: null }],
      [{ key: '\ud800', value: null }],
      [{ key: 'k', value: 'text' }],
      7,
      undefined,
    ];
    const rig = new RunnerRig({ commit: () => Promise.resolve(answers.shift() as never) });
    rig.runner.commit(one);
    await until('settled', () => rig.given.length === 1);
    expect(rig.given).toEqual([{ kind: 'settled', ref: one, writes: [] }]);
    expect(answers).toEqual([]);
  });

  it('to roll back takes no more than a bounded number of calls, and those to come are refused', async () => {
    const rig = new RunnerRig({
      begin: () => Promise.reject(new Error('no connection')),
      rollBack: () => never(),
    });
    for (let number = 0; number < tasksMax + 3; number += 1) {
      rig.runner.execute(ref(number), operation('echo'));
      rig.runner.release(ref(number));
    }
    await until('all are answered', () => rig.given.length === tasksMax + 3);
    const busy = { kind: 'refused', reason: 'Busy' };
    expect(
      rig.results.filter((result) => JSON.stringify(result) === JSON.stringify(busy)),
    ).toHaveLength(3);
    rig.runner.commit(ref(tasksMax + 9));
    await until('what is prepared is committed', () => rig.results.includes('settled 7'));
  });
});

describe('a core without room', () => {
  it('receives what it was not given, in the order in which the resource gave it', async () => {
    const rig = new RunnerRig();
    rig.hasRoom = false;
    rig.runner.commit(one);
    await until('committed', () => rig.resource.asked.includes('commit 1'));
    await turn();
    rig.hasRoom = true;
    // The first is still waiting for its next attempt.
    rig.runner.commit(two);
    await until('both are settled', () => rig.given.length === 2);
    expect(rig.results).toEqual(['settled 1', 'settled 2']);
  });
});

describe('a participant that stops', () => {
  it('closes the resource once its methods have ended, and gives the core nothing more', async () => {
    const rig = new RunnerRig({ commit: failing(1e9) }, { slow: () => never<null>() });
    rig.runner.commit(one);
    rig.runner.execute(two, operation('slow'));
    await until(
      'it fails',
      () => rig.resource.asked.filter((asked) => asked === 'commit 1').length > 1,
    );
    rig.hasRoom = false;
    rig.runner.rollBack(ref(3));
    await until('rolled back', () => rig.resource.asked.includes('rollBack 3'));
    await rig.runner.stop();
    expect(rig.resource.asked.at(-1)).toBe('close');
    expect(rig.given).toEqual([]);
    rig.hasRoom = true;
    for (const start of [
      () => rig.runner.execute(ref(4), operation('slow')),
      () => rig.runner.prepare(ref(5)),
      () => rig.runner.commit(ref(6)),
      () => rig.runner.rollBack(ref(7)),
    ]) {
      start();
      await turn();
    }
    expect(rig.resource.asked.at(-1), 'nothing after its end').toBe('close');
    expect(rig.given).toEqual([]);
  });

  it('does not wait for ever for a resource that hangs, nor fail where that does not close', async () => {
    const rig = new RunnerRig({ prepare: () => never(), close: throwing }, undefined, 20);
    rig.runner.execute(one, operation('echo'));
    rig.runner.prepare(one);
    await until('it hangs', () => rig.resource.asked.includes('prepare 1'));
    await rig.runner.stop();
    expect(rig.resource.asked.at(-1)).toBe('close');
    expect(rig.logged).toEqual(['resource-not-closed']);
  });

  it('leaves no rejection behind', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    onTestFinished(() => void process.off('unhandledRejection', unhandled));
    const rig = new RunnerRig({ begin: throwing, prepare: throwing, close: throwing });
    rig.runner.execute(one, operation('echo'));
    rig.runner.prepare(one);
    await until('both have answered', () => rig.given.length === 2);
    await rig.runner.stop();
    await turn();
    expect(unhandled).not.toHaveBeenCalled();
  });
});
