import { describe, expect, it, vi } from 'vitest';
import type { CommonOutput, TimerInput } from '../../src/kernel/core.js';
import { participantId } from '../../src/kernel/ids.js';
import { Sequencer } from '../../src/kernel/sequencer.js';
import type { CoordinatorOutput } from '../../src/transaction/coordinator/core/messages.js';
import { coordinatorTable } from '../../src/transaction/state-tables.js';
import { Story } from '../support/banking-story.js';
import { Rig } from '../support/rig.js';

const stepped = vi.hoisted(() => new Set<string>());

vi.mock('../../src/transaction/state-tables.js', async (original) => {
  const tables = await original<typeof import('../../src/transaction/state-tables.js')>();
  const transition: typeof tables.transition = (table, state, event, protocol) => {
    if (Object.is(table, tables.coordinatorTable)) stepped.add(event);
    return tables.transition(table, state, event, protocol);
  };
  return { ...tables, transition };
});

/** The rows that a transaction's way through the coordinators steps. */
function rowsOf(run: (story: Story, rig: Rig) => void): string[] {
  stepped.clear();
  const rig = new Rig();
  run(new Story(rig), rig);
  return [...stepped].sort();
}

const scenes: Readonly<Record<string, (story: Story, rig: Rig) => void>> = {
  commit: (story, rig) => {
    const tid = story.transfer();
    expect(story.outcome(tid)).toBe('commit');
    rig.runUntil(() => rig.stores.every((store) => store.has(`finished/${tid}`)));
  },
  'a rollback that initiators ask for': (story) => {
    const tid = story.activate();
    story.register(tid, 'bank-a');
    story.complete(tid, 'rollback');
    expect(story.outcome(tid)).toBe('abort');
  },
  'a vote to abort': (story) => {
    story.votes.set(participantId('bank-b'), 'aborted');
    expect(story.outcome(story.transfer())).toBe('abort');
  },
  'a vote that needs nothing of the outcome': (story) => {
    story.votes.set(participantId('bank-b'), 'readOnly');
    expect(story.outcome(story.transfer())).toBe('commit');
  },
  'votes that do not come': (story) => {
    story.voteReaches = () => false;
    expect(story.outcome(story.transfer())).toBe('abort');
  },
};

const common = ['register', 'userCommit'];

describe('the rows of two-phase commit at the coordinator', () => {
  it.each<[string, readonly string[]]>([
    ['commit', [...common, 'prepared', 'commitDecision', 'writeDone', 'committed', 'allForgotten']],
    ['a rollback that initiators ask for', ['register', 'userRollback']],
    ['a vote to abort', [...common, 'prepared', 'aborted', 'rollbackDecision']],
    ['a vote that needs nothing of the outcome', [...common, 'prepared', 'readOnly']],
    ['votes that do not come', [...common, 'commsTimeout', 'expires']],
  ])('are stepped by %s', (name, rows) => {
    const scene = scenes[name];
    if (!scene) throw new Error(name);
    expect(rowsOf(scene)).toEqual(expect.arrayContaining([...rows]));
  });

  it('are all stepped but for a write that failed', () => {
    const all = Object.values(scenes).flatMap((scene) => rowsOf(scene));
    const left = Object.keys(coordinatorTable.rows).filter((row) => !all.includes(row));
    expect(left).toEqual(['writeFailed']);
  });

  it('hold no write that failed, since a replica stops at that: it sends no Commit', () => {
    const rig = new Rig();
    let deciding: readonly (CoordinatorOutput | CommonOutput)[] = [];
    rig.onStep = (replica, outputs) => {
      const decides = outputs.some(
        (output) => output.kind === 'persist' && output.key.startsWith('decided/o:'),
      );
      if (replica === 0 && decides) deciding = outputs;
    };
    const story = new Story(rig);
    story.outcome(story.transfer());
    const commits = (outputs: readonly { readonly kind: string }[]) =>
      outputs.filter((one) => one.kind === 'notify-participant');
    expect(commits(deciding)).toHaveLength(2);

    for (const failure of [undefined, { cause: new Error('disk full') }]) {
      const performed: CoordinatorOutput[] = [];
      let steps = 0;
      const handle = (): readonly (CoordinatorOutput | CommonOutput)[] => {
        steps += 1;
        return deciding;
      };
      const sequencer = new Sequencer<TimerInput, CoordinatorOutput>({
        core: { restore: () => [], handle },
        perform: (output) => void performed.push(output),
        write: (_writes, done) => done(failure),
        startTimer: () => {},
        stopTimer: () => {},
        log: () => {},
        onFailed: () => {},
      });
      for (let input = 0; input < 2; input += 1) sequencer.handle({ kind: 'timer', name: 'any' });
      expect(commits(performed)).toHaveLength(failure ? 0 : 4);
      expect(steps).toBe(failure ? 1 : 2);
    }
  });
});
