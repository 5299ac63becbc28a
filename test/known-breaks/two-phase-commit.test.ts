import { describe, expect, it } from 'vitest';
import type { OutcomeValue } from '../../src/agreement/messages.js';
import type { TransactionId } from '../../src/kernel/ids.js';
import { CoordinatorCore } from '../../src/transaction/coordinator/core/coordinator.js';
import { sign } from '../agreement/scene.js';
import { Story } from '../support/banking-story.js';
import { Evidence } from '../support/evidence.js';
import { Rig } from '../support/rig.js';
import type { CreateCore } from './support/broken.js';

/** Takes whatever follows from its certificate. */
class AcceptsAnything extends CoordinatorCore {
  override judge(): { verdict: 'accept' } {
    return { verdict: 'accept' };
  }
}
const acceptsAnything: CreateCore = (options) => new AcceptsAnything(options);

interface Setting {
  readonly rig: Rig;
  readonly story: Story;
  readonly evidence: Evidence;
  readonly tid: TransactionId;
}

/** Banks are registered, the initiators want to commit, and the primary is Byzantine from now on. */
function openSetting(banks: readonly string[], createCore?: CreateCore): Setting {
  const rig = new Rig(createCore ? { createCore } : {});
  const story = new Story(rig);
  const tid = story.activate();
  for (const bank of banks) story.register(tid, bank);
  rig.crash(0);
  return { rig, story, evidence: new Evidence(rig.parties), tid };
}

/** The primary proposes, prepares and commits the value at all backups. */
function impose({ rig, evidence }: Setting, value: OutcomeValue): void {
  const prePrepare = evidence.prePrepare(value);
  for (const to of [1, 2, 3]) rig.transmit(0, to, { kind: 'pre-prepare', prePrepare, value });
  sign({ rig, evidence } as never, 0, [1, 2, 3], evidence.phase('commit', value));
}

describe('an abort without a reason (Zhao §4.3: backups take one while they hold every vote)', () => {
  function outcome(createCore?: CreateCore): string | undefined {
    const setting = openSetting(['bank-a'], createCore);
    const { story, evidence, tid } = setting;
    for (const registration of story.registrations) story.vote(registration, 'prepared');
    story.complete(tid, 'commit');
    impose(setting, {
      kind: 'outcome',
      tid,
      outcome: 'abort',
      reason: 'timeout',
      records: [{ registration: evidence.registration('bank-a', { tid }) }],
      completion: [],
    });
    return story.outcome(tid);
  }

  it('ours commits what everybody voted for', () => {
    expect(outcome()).toBe('commit');
  });

  it('broken, the primary aborts it on its own', () => {
    expect(outcome(acceptsAnything)).toBe('abort');
  });
});

describe('a commit without a participant that a quorum had acknowledged', () => {
  function certified(createCore?: CreateCore): string[] {
    const setting = openSetting(['bank-a', 'bank-b'], createCore);
    const { rig, story, evidence, tid } = setting;
    impose(setting, {
      kind: 'outcome',
      tid,
      outcome: 'commit',
      records: [
        {
          registration: evidence.registration('bank-a', { tid }),
          vote: evidence.vote('bank-a', 'prepared', { tid }),
        },
      ],
      completion: story.initiators.map((initiator) => evidence.completion(initiator, { tid })),
    });
    story.complete(tid, 'commit');
    story.outcome(tid);
    const value = rig.decision(1, { kind: 'outcome', tid })?.value as OutcomeValue;
    return value.records.map(({ registration }) => registration.statement.participant);
  }

  it('ours holds every registration that was acknowledged', () => {
    expect(certified()).toEqual(['bank-a', 'bank-b']);
  });

  it('broken, bank-b is left out, and may never hear of it', () => {
    expect(certified(acceptsAnything)).toEqual(['bank-a']);
  });
});
