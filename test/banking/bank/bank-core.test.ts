import { describe, expect, it } from 'vitest';
import { BankCore, type BankInput, type BankOutput } from '../../../src/banking/bank/bank-core.js';
import { accountId, currency } from '../../../src/banking/soap.js';
import type { CommonOutput, StoredRecord, TimerInput } from '../../../src/kernel/core.js';
import {
  clientId,
  digest,
  enlistmentId,
  initiatorId,
  participantId,
  replicaId,
  resilience,
  transactionId,
} from '../../../src/kernel/ids.js';
import type {
  CallId,
  EnlistmentRef,
  Notification,
} from '../../../src/transaction/participant/messages.js';
import { invitationBy } from '../../transaction/participant-rig.js';

const alice = accountId('alice');
const ref = {
  tid: transactionId('00000000-0000-8000-8000-000000000001'),
  enlistment: enlistmentId('bank-a.1'),
};

/** A bank core and its disk, which takes the persists of one input all or none. */
class Bank {
  readonly disk = new Map<string, Uint8Array>();
  #core = this.#start();

  #start(): BankCore {
    return new BankCore(
      {
        id: participantId('bank-a'),
        resilience: resilience(4, 1),
        resendAfterMs: 100,
        limits: { enlistments: 9, invitationsPerInitiator: 9, finished: 9, expiresMs: 60_000 },
        address: 'http://bank-a.test/participant',
        sign: (statement) => ({
          statement,
          bytes: new Uint8Array(),
          signature: new Uint8Array(),
        }),
      },
      [{ account: alice, amountMinor: 100, currency: currency('EUR') }],
    );
  }

  start(): this {
    this.#core = this.#start();
    const records: StoredRecord[] = [...this.disk].map(([key, value]) => ({ key, value }));
    this.#write(this.#core.restore(records));
    return this;
  }

  /** `isLost`: the process dies before anything of this input is on disk. */
  give(input: BankInput | TimerInput, isLost = false): readonly (BankOutput | CommonOutput)[] {
    const outputs = this.#core.handle(input);
    if (!isLost) this.#write(outputs);
    return outputs;
  }

  #write(outputs: readonly (BankOutput | CommonOutput)[]): void {
    for (const output of outputs) {
      if (output.kind !== 'persist') continue;
      if (output.value === null) this.disk.delete(output.key);
      else this.disk.set(output.key, output.value);
    }
  }

  hear(message: Notification, isLost = false, of: EnlistmentRef = ref) {
    const from = (replica: number) =>
      this.give({ kind: 'notified', replica: replicaId(replica), ref: of, message }, isLost);
    return [...from(0), ...from(1)];
  }

  prepare(): this {
    this.execute(ref);
    this.hear('prepare');
    return this;
  }

  /** Invited and registered. */
  execute(ref: EnlistmentRef, timestamp = 7, amountMinor = 30) {
    const outputs = [0, 1].flatMap((index) =>
      this.give({
        kind: 'invited',
        call: index as CallId,
        initiator: initiatorId(index),
        ...ref,
        operation: {
          ...{ kind: 'debit', account: alice, amountMinor, currency: currency('EUR') },
          request: { client: clientId('alice/0'), timestamp },
        } as const,
        digest: digest(String(timestamp % 10).repeat(64)),
        protocol: 'durable',
        expiresMs: 10_000,
        invitation: invitationBy(index, ref.tid),
      }),
    );
    const registered = [0, 1, 2].flatMap((index) =>
      this.give({ kind: 'registered', replica: replicaId(index), ref }),
    );
    return [...outputs, ...registered];
  }

  get balanceMinor(): number | undefined {
    const [told] = this.give({ kind: 'balance-asked', call: 9 as CallId, account: alice });
    return told?.kind === 'tell-balance' ? told.balance?.amountMinor : undefined;
  }
}

describe('a bank’s core', () => {
  it('persists the balance and the end of the prepared record in the same input', () => {
    const bank = new Bank().start().prepare();
    const persisted = bank.hear('commit').filter(({ kind }) => kind === 'persist');
    expect(persisted).toMatchObject([
      { key: 'account/alice' },
      { key: `participant/prepared/${ref.tid}/${ref.enlistment}`, value: null },
    ]);
    expect(bank.balanceMinor).toBe(70);
  });

  it('commits once, whether it dies just before the write or just after', () => {
    const before = new Bank().start().prepare();
    before.hear('commit', true);
    before.start();
    expect(before.balanceMinor).toBe(100);
    before.hear('commit');
    expect(before.balanceMinor).toBe(70);
    const after = new Bank().start().prepare();
    after.hear('commit');
    after.start().hear('commit');
    expect(after.balanceMinor).toBe(70);
  });

  it('debits for a request once, though all initiators bring it again as another transaction', () => {
    const bank = new Bank().start().prepare();
    const used = bank.disk.get('request/alice/0');
    bank.hear('commit');
    bank.start();
    const again = {
      tid: transactionId('00000000-0000-8000-8000-000000000002'),
      enlistment: enlistmentId('bank-a.2'),
    };
    expect(bank.execute(again)).toContainEqual({
      kind: 'answer',
      calls: [0, 1],
      result: { kind: 'refused', reason: 'RequestUsed' },
    });
    expect(bank.balanceMinor).toBe(70);
    expect(bank.disk.get('request/alice/0')).toEqual(used);
  });

  it('has it on disk that a request is used before it votes', () => {
    const bank = new Bank().start();
    bank.execute(ref);
    const kinds = bank
      .hear('prepare')
      .map((output) => ('key' in output ? output.key : output.kind));
    expect(kinds.indexOf('request/alice/0')).toBeGreaterThanOrEqual(0);
    expect(kinds.indexOf('request/alice/0')).toBeLessThan(kinds.indexOf('send-vote'));
  });

  it('holds what is prepared over a restart, and gives it free on a rollback', () => {
    const bank = new Bank().start().prepare().start();
    expect([...bank.disk.keys()].some((key) => key.startsWith('participant/'))).toBe(true);
    bank.hear('rollback');
    expect([...bank.disk.keys()]).toEqual(['account/alice', 'request/alice/0']);
    expect(bank.balanceMinor).toBe(100);
  });

  it('holds neither money nor the request for a debit that it has voted against', () => {
    const bank = new Bank().start();
    const [earlier, later, last] = [enlistment(2), enlistment(3), enlistment(4)];
    // Two requests of one client id at once: the later one is prepared first.
    bank.execute(earlier, 7, 60);
    bank.execute(later, 8, 10);
    bank.hear('prepare', false, later);
    expect(bank.hear('prepare', false, earlier)).toContainEqual(
      expect.objectContaining({
        kind: 'send-vote',
        statement: expect.objectContaining({
          statement: expect.objectContaining({ ...earlier, vote: 'aborted' }),
        }),
      }),
    );
    bank.hear('rollback', false, later);
    expect(bank.execute(last, 9, 100)).toContainEqual({
      kind: 'answer',
      calls: [0, 1],
      result: { kind: 'done' },
    });
  });

  it.each(['rollback', 'commit'] as const)(
    'holds nothing after a %s that comes before a Prepare',
    (message) => {
      const bank = new Bank().start();
      bank.execute(ref, 7, 100);
      bank.hear(message);
      expect(bank.execute(enlistment(2), 8, 100)).toContainEqual({
        kind: 'answer',
        calls: [0, 1],
        result: { kind: 'done' },
      });
    },
  );

  it('holds nothing once the time of an enlistment has run out', () => {
    const bank = new Bank().start();
    bank.execute(ref, 7, 100);
    bank.give({ kind: 'timer', name: `expires/${ref.tid}/${ref.enlistment}` });
    expect(bank.execute(enlistment(2), 8, 100)).toContainEqual({
      kind: 'answer',
      calls: [0, 1],
      result: { kind: 'done' },
    });
  });
});

function enlistment(number: number): EnlistmentRef {
  return {
    tid: transactionId(`00000000-0000-8000-8000-00000000000${number}`),
    enlistment: enlistmentId(`bank-a.${number}`),
  };
}
