import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DialogueInput } from '../../src/gateway/core/messages.js';
import { Dialogues } from '../../src/gateway/node/dialogues.js';
import { Results } from '../../src/gateway/node/results.js';
import { clientId } from '../../src/kernel/ids.js';
import type { ClientDialogue } from '../../src/service/client/dialogue-client.js';
import { activity, tid } from './support/gateway-rig.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A core that takes nothing for a while, as where too much waits for its disk. */
function busyCore<Input>(refusals: number) {
  const taken: Input[] = [];
  let left = refusals;
  const results = new Results<Input>((input) => {
    left -= 1;
    if (left >= 0) return false;
    taken.push(input);
    return true;
  });
  return { results, taken };
}

describe('results', () => {
  it('are handed in again until they are taken, in their order', async () => {
    const { results, taken } = busyCore<number>(3);
    for (const each of [1, 2, 3]) results.give(each);
    expect(taken).toEqual([]);
    await vi.runAllTimersAsync();
    expect(taken).toEqual([1, 2, 3]);
    results.give(4);
    expect(taken).toEqual([1, 2, 3, 4]);
  });

  it('are handed in no more once the gateway stops', async () => {
    const { results, taken } = busyCore<number>(1);
    results.give(1);
    results.stop();
    await vi.runAllTimersAsync();
    expect(taken).toEqual([]);
  });

  it('of a dialogue reach a core that was busy: its beginning, a call, its outcome', async () => {
    const { results, taken } = busyCore<DialogueInput>(5);
    const timing = {
      suspectAfterMs: 100,
      resendAfterMs: 100,
      voteTimeoutMs: 1000,
      defaultExpiresMs: 10_000,
    };
    const dialogue = {
      transactionId: tid,
      repeat: async () => ({ kind: 'done', result: null }),
      commit: async () => ({ transactionId: tid, outcome: 'committed' }),
    } as unknown as ClientDialogue;
    const dialogues = new Dialogues({
      client: { resume: async () => dialogue },
      timing,
      submit: (input) => results.give(input),
      log: pino({ level: 'silent' }),
    });
    const request = { client: clientId('gw/1'), timestamp: 1 };
    dialogues.begin({ kind: 'begin', activity, request });
    const service = { participant: 'hotel', operation: 'reserve', payload: '1' } as never;
    dialogues.call({ kind: 'call', activity, number: 0, service });
    dialogues.finish({ kind: 'finish', activity, request, tid, decision: 'commit' });
    await vi.runAllTimersAsync();
    expect(taken.map(({ kind }) => kind)).toEqual(['begun', 'called', 'completed']);
  });
});
