import { beforeEach, describe, expect, it } from 'vitest';
import { encodeDecisionProof } from '../../../src/agreement/certificate.js';
import { type Slot, slotKey } from '../../../src/agreement/messages.js';
import { activationSlotRequest } from '../../../src/agreement/values.js';
import type { StoreWrite } from '../../../src/kernel/core.js';
import { openStore, type Store } from '../../../src/kernel/store/store.js';
import { Decisions } from '../../../src/transaction/coordinator/node/replies.js';
import { temporaryDirectory } from '../../kernel/support/directory.js';
import { Evidence } from '../../support/evidence.js';
import { testCluster } from '../../support/keys.js';

const evidence = new Evidence(testCluster());
const { id } = evidence.of.cluster;
const outcome: Slot = { kind: 'outcome', tid: evidence.tid };
const activation: Slot = {
  kind: 'activation',
  request: activationSlotRequest(evidence.request(0).statement),
};
const proof = evidence.decision(evidence.commitValue());
const written: StoreWrite = {
  key: `decided/${slotKey(outcome)}`,
  value: encodeDecisionProof(proof),
};

let store: Store;
let decisions: Decisions;
let ended: AbortController;

beforeEach(async () => {
  store = await openStore(await temporaryDirectory());
  decisions = new Decisions(id, store);
  ended = new AbortController();
  return () => decisions.store.close();
});

describe('the decisions of a coordinator', () => {
  it('are told of once they are on disk, to all that wait', async () => {
    const waiting = [outcome, outcome].map((slot) => decisions.of(slot, ended.signal));
    await decisions.store.write([{ key: 'other', value: new Uint8Array() }, written]);
    for (const told of await Promise.all(waiting)) expect(told).toEqual(proof);
  });

  it('are told of if they were on disk before', async () => {
    await store.write([written]);
    expect(await decisions.of(outcome, ended.signal)).toEqual(proof);
  });

  it('are not told of before the write has ended', async () => {
    let end = (): void => {};
    const slow = new Decisions(id, {
      ...store,
      load: () => Promise.resolve([]),
      write: () => new Promise((resolve) => (end = resolve)),
    });
    let told = false;
    const waiting = slow.of(outcome, ended.signal).then(() => {
      told = true;
    });
    const writing = slow.store.write([written]);
    await new Promise(setImmediate);
    expect(told).toBe(false);
    end();
    await Promise.all([writing, waiting]);
  });

  it('are those of the slot asked for', async () => {
    const waiting = decisions.of(activation, ended.signal);
    await decisions.store.write([written]);
    const decided = evidence.decision(evidence.activationValue());
    const key = `decided/${slotKey(activation)}`;
    // It goes on waiting when the record is deleted.
    await decisions.store.write([{ key, value: null }]);
    await decisions.store.write([{ key, value: encodeDecisionProof(decided) }]);
    expect(await waiting).toEqual(decided);
  });

  it('are not waited for any longer than is wanted', async () => {
    const waiting = decisions.of(outcome, ended.signal);
    ended.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(decisions.of(outcome, ended.signal)).rejects.toThrow('enough');
    await decisions.store.write([written]);
  });

  it('pass through to the store as they are', async () => {
    await decisions.store.write([written, { key: 'a', value: Uint8Array.of(1) }]);
    expect(await store.load('a')).toHaveLength(1);
    expect(await decisions.store.load('decided/')).toHaveLength(1);
  });
});
