import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { decodeSignedStatement, encodeSigned } from '../../../src/agreement/signing.js';
import type {
  RegistrationStatement,
  Vote,
  VoteStatement,
} from '../../../src/agreement/statements.js';
import { startBank } from '../../../src/banking/bank/bank-node.js';
import {
  accountId,
  bankActions,
  currency,
  readGetBalanceResponse,
  readPostingResponse,
  type Transfer,
  writeGetBalance,
  writePosting,
} from '../../../src/banking/soap.js';
import {
  clientId,
  type EnlistmentId,
  enlistmentId,
  participantId,
  type TransactionId,
  transactionId,
} from '../../../src/kernel/ids.js';
import { createStore } from '../../../src/kernel/store/store.js';
import { endpoint } from '../../../src/soap/addressing.js';
import { coordinationFaults } from '../../../src/soap/faults.js';
import type { SoapIdentity } from '../../../src/soap/identity.js';
import type { XmlElement } from '../../../src/soap/xml.js';
import {
  contextOf,
  coordinationActions,
  coordinationContextHeader,
  type NotificationName,
  notificationAction,
  readNotification,
  readRegister,
  writeNotification,
  writeRegisterResponse,
} from '../../../src/transaction/soap/coordination.js';
import {
  enlistmentIdParameter,
  findStatement,
  invitationExtension,
  signedRequestHeader,
  statementExtension,
  transactionIdParameter,
} from '../../../src/transaction/soap/extension.js';
import { temporaryDirectory } from '../../kernel/support/directory.js';
import { until } from '../../kernel/support/wait.js';
import { invitationBy } from '../../support/invitations.js';
import { commitCertificate, completionRequests } from '../../support/nodes/stubs.js';
import { signedTransfer } from '../../support/nodes/warrants.js';
import { log, World } from '../../support/nodes/world.js';

const tid = transactionId('00000000-0000-8000-8000-000000000001');
const alice = accountId('alice');
const replicas = [0, 1, 2, 3];

/** What a stub coordinator was told. */
interface Told {
  readonly replica: number;
  readonly name: NotificationName;
  readonly vote: VoteStatement | undefined;
}

/** A real bank among stub coordinators that take its registrations. */
class Scene {
  readonly registrations: { replica: number; statement: RegistrationStatement }[] = [];
  readonly told: Told[] = [];
  readonly world: World;
  readonly #dataDir: string;
  readonly #initiators: readonly SoapIdentity[];
  readonly #coordinators: readonly SoapIdentity[];
  readonly #client: SoapIdentity;

  private constructor(world: World, dataDir: string) {
    this.world = world;
    this.#dataDir = dataDir;
    this.#initiators = [0, 1, 2].map((i) => world.soapOf('initiator', `initiator-${i}`));
    this.#coordinators = replicas.map((i) => world.soapOf('coordinator', `coordinator-${i}`));
    this.#client = world.soapOf('client', 'alice');
  }

  static async make(refusing: readonly number[] = []): Promise<Scene> {
    const dataDir = await temporaryDirectory();
    await createStore(join(dataDir, 'store'));
    const scene = new Scene(await World.make(), dataDir);
    for (const replica of replicas) await scene.#serve(replica, refusing.includes(replica));
    return scene;
  }

  #serve(replica: number, refuses: boolean): Promise<void> {
    const { world } = this;
    const note = (name: NotificationName) => ({
      kind: 'one-way' as const,
      handle: ({ body }: { body: XmlElement | undefined }) => {
        const bytes = findStatement(readNotification(body, name));
        const vote = bytes && decodeSignedStatement(world.cluster.id, bytes).statement;
        this.told.push({ replica, name, vote: vote as VoteStatement | undefined });
      },
    });
    const names = ['Prepared', 'ReadOnly', 'Aborted', 'Committed'] as const;
    return world.serve('coordinator', `coordinator-${replica}`, () => ({
      '/registration': {
        wsdl: 'registration',
        operations: {
          [coordinationActions.register]: {
            kind: 'request-reply',
            replyAction: coordinationActions.registerResponse,
            handle: ({ body }) => {
              if (refuses) throw coordinationFaults.cannotRegisterParticipant();
              const bytes = findStatement(readRegister(body).extensions) ?? new Uint8Array();
              const { statement } = decodeSignedStatement(world.cluster.id, bytes);
              this.registrations.push({ replica, statement: statement as RegistrationStatement });
              const coordinatorProtocolService = endpoint('http://127.0.0.1:1/coordinator');
              return {
                body: writeRegisterResponse({ coordinatorProtocolService, extensions: [] }),
              };
            },
          },
        },
      },
      '/coordinator': {
        wsdl: 'coordinator',
        operations: Object.fromEntries(names.map((name) => [notificationAction(name), note(name)])),
      },
    }));
  }

  /** Starts the bank; again after its `stop`, with the same store. */
  async start() {
    const node = { ...this.world.node('participant', 'bank-a'), dataDir: this.#dataDir };
    const bank = await startBank({
      cluster: this.world.cluster,
      node,
      log,
      onFatal: (error) => {
        throw error;
      },
    });
    let stopped: Promise<void> | undefined;
    const stop = () => {
      stopped ??= bank.stop();
      return stopped;
    };
    onTestFinished(stop);
    return { ...bank, stop };
  }

  get #url(): string {
    return this.world.cluster.participants.find(({ name }) => name === 'bank-a')?.url ?? '';
  }

  async debit(initiator: number, amountMinor: number, of: TransactionId = tid): Promise<void> {
    const reply = await this.post(
      this.#initiators[initiator],
      amountMinor,
      of,
      undefined,
      initiator,
    );
    readPostingResponse(reply.body, 'debit');
  }

  /** What alice signed for that transaction. */
  #warrant(amountMinor: number, of: TransactionId): XmlElement {
    const header = { client: clientId('alice/0'), timestamp: Number(of.slice(-4)) };
    const text = signedTransfer(this.#client.signer, header, transferOf(amountMinor));
    return signedRequestHeader(text);
  }

  post(
    soap: SoapIdentity | undefined,
    amountMinor: number,
    of: TransactionId = tid,
    warrant: readonly XmlElement[] = [this.#warrant(amountMinor, of)],
    inviter = 0,
  ) {
    if (soap === undefined) throw new RangeError('no such node');
    const context = contextOf(of, endpoint('http://127.0.0.1:1/registration'), 10_000);
    const invitation = invitationBy(this.world.evidence.of, inviter, {
      tid: of,
      participant: participantId('bank-a'),
    });
    const extensions = [invitationExtension(encodeSigned(invitation))];
    return soap.client.request(endpoint(`${this.#url}/account`), {
      action: bankActions.debit,
      headers: [coordinationContextHeader({ ...context, extensions }, '1.2'), ...warrant],
      body: writePosting({ kind: 'debit', account: alice, amountMinor, currency: currency('EUR') }),
      timeoutMs: 5000,
    });
  }

  async balance(): Promise<number> {
    const reply = await this.#client.client.request(endpoint(`${this.#url}/account`), {
      action: bankActions.getBalance,
      body: writeGetBalance(alice),
      timeoutMs: 5000,
    });
    return readGetBalanceResponse(reply.body).amountMinor;
  }

  async notify(
    name: 'Prepare' | 'Commit' | 'Rollback',
    from: readonly number[],
    over: {
      readonly as?: 'initiators';
      readonly shown?: readonly XmlElement[];
      readonly of?: EnlistmentId;
    } = {},
  ): Promise<void> {
    const enlistment = over.of ?? this.registrations[0]?.statement.enlistment;
    if (enlistment === undefined) throw new Error('not registered');
    const parameters = [transactionIdParameter(tid), enlistmentIdParameter(enlistment)];
    const senders = over.as === 'initiators' ? this.#initiators : this.#coordinators;
    for (const index of from) {
      const target = endpoint(`${this.#url}/participant`, ...parameters);
      await senders[index]?.client.notify(target, {
        action: notificationAction(name),
        body: writeNotification(name, ...(over.shown ?? [])),
        from: endpoint(`http://127.0.0.1:1/coordinator`),
      });
    }
  }

  /** Waits until so many replicas were told. */
  heard(name: NotificationName, count = replicas.length): Promise<void> {
    const by = () => new Set(this.told.filter((it) => it.name === name).map((it) => it.replica));
    return until(`${name} at ${count} coordinators`, () => by().size >= count);
  }

  /** Executed, and prepared. */
  async prepare(amountMinor: number): Promise<void> {
    await Promise.all([this.debit(0, amountMinor), this.debit(1, amountMinor)]);
    await this.notify('Prepare', [0, 1]);
    await this.heard('Prepared');
  }
}

describe('a bank', () => {
  it('registers, holds, prepares and commits', async () => {
    const scene = await Scene.make();
    await scene.start();
    expect(await scene.balance()).toBe(100_000);
    await scene.prepare(300);
    expect(scene.registrations[0]?.statement).toMatchObject({ tid, participant: 'bank-a' });
    expect(scene.told[0]?.vote).toMatchObject({ tid, vote: 'prepared', participant: 'bank-a' });
    expect(await scene.balance()).toBe(100_000);
    await scene.notify('Commit', [2, 3]);
    await scene.heard('Committed', 2);
    expect(await scene.balance()).toBe(99_700);
    await scene.debit(2, 300);
    expect(await scene.balance(), 'a late initiator').toBe(99_700);
  });

  it('acts on one message with a proof, and not on one with another proof', async () => {
    const scene = await Scene.make();
    await scene.start();
    await scene.prepare(300);
    await scene.notify('Commit', [0], {
      shown: [commitCertificate(scene.world, tid, 'abort')],
    });
    expect(await scene.balance()).toBe(100_000);
    await scene.notify('Commit', [0], {
      shown: [commitCertificate(scene.world, tid, 'commit')],
    });
    await scene.heard('Committed', 1);
    expect(await scene.balance()).toBe(99_700);
  });

  it('prepares on one message that shows f + 1 initiators’ requests, and not on one with fewer', async () => {
    const scene = await Scene.make();
    await scene.start();
    await Promise.all([scene.debit(0, 300), scene.debit(1, 300)]);
    const notify = (shown: readonly XmlElement[]) => scene.notify('Prepare', [0], { shown });
    await notify(completionRequests(scene.world, tid, [0]));
    await notify(completionRequests(scene.world, tid, [0, 0]));
    await notify(completionRequests(scene.world, otherTid(), [0, 1]));
    expect(await scene.balance()).toBe(100_000);
    expect(scene.told).toEqual([]);
    await notify(completionRequests(scene.world, tid, [0, 2]));
    await scene.heard('Prepared', 1);
  });

  it('is in doubt after a restart, asks again, and commits once', async () => {
    const scene = await Scene.make();
    const { stop } = await scene.start();
    await scene.prepare(300);
    await stop();
    scene.told.length = 0;
    await scene.start();
    await scene.heard('Prepared');
    const other = [0, 1].map((initiator) => scene.debit(initiator, 99_701, otherTid()));
    for (const answer of await Promise.allSettled(other)) {
      expect(answer).toMatchObject({ reason: { code: 'InsufficientFunds' } });
    }
    await scene.notify('Commit', [1, 2]);
    await scene.heard('Committed', 2);
    await scene.notify('Commit', [0, 3]);
    expect(await scene.balance()).toBe(99_700);
  });

  it('acknowledges a commit that it has forgotten by its own vote alone', async () => {
    const scene = await Scene.make();
    const { stop } = await scene.start();
    await scene.prepare(300);
    await scene.notify('Commit', [0, 1]);
    await scene.heard('Committed', 2);
    await stop();
    scene.told.length = 0;
    await scene.start();
    const { world, registrations } = scene;
    const own = registrations[0]?.statement.enlistment ?? enlistmentId('none');
    const theirs = enlistmentId('bank-b.1');
    const show = (from: number, of: EnlistmentId, name: string, vote: Vote) => {
      const statement = world.evidence.vote(name, vote, { tid, enlistment: of });
      const shown = [commitCertificate(world, tid, 'commit')];
      return scene.notify('Commit', [from], {
        ...{ of, shown: [...shown, statementExtension(encodeSigned(statement))] },
      });
    };
    await scene.notify('Commit', [0], { shown: [commitCertificate(world, tid, 'commit')] });
    await show(0, own, 'bank-a', 'aborted');
    await show(1, theirs, 'bank-b', 'prepared');
    await show(2, own, 'bank-a', 'prepared');
    await scene.heard('Committed', 1);
    expect(scene.told.map(({ replica }) => replica)).toEqual([2]);
  });

  it('rolls back, and gives the money free', async () => {
    const scene = await Scene.make();
    await scene.start();
    await scene.prepare(100_000);
    await scene.notify('Rollback', [1, 2]);
    await scene.heard('Aborted', 2);
    const other = otherTid();
    await Promise.all([scene.debit(0, 100_000, other), scene.debit(1, 100_000, other)]);
  });

  it('refuses what is not in the account, and votes to abort', async () => {
    const scene = await Scene.make();
    await scene.start();
    const answers = await Promise.allSettled([scene.debit(0, 100_001), scene.debit(1, 100_001)]);
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'InsufficientFunds' } });
    }
    await scene.heard('Aborted');
  });

  it('needs no more than a quorum to register, and says so where there is none', async () => {
    const one = await Scene.make([3]);
    await one.start();
    await Promise.all([one.debit(0, 1), one.debit(1, 1)]);
    const two = await Scene.make([2, 3]);
    await two.start();
    const answers = await Promise.allSettled([two.debit(0, 1), two.debit(1, 1)]);
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'CannotRegister' } });
    }
  });

  it('listens only to initiators about accounts and only to coordinators about outcomes', async () => {
    const scene = await Scene.make();
    await scene.start();
    const asClient = scene.post(scene.world.soapOf('client', 'alice'), 1);
    await expect(asClient).rejects.toMatchObject({ code: 'FailedAuthentication' });
    const asBank = scene.post(scene.world.soapOf('participant', 'bank-b'), 1);
    await expect(asBank).rejects.toMatchObject({ code: 'FailedAuthentication' });
    expect(scene.registrations).toEqual([]);
    await scene.prepare(300);
    await scene.notify('Commit', [0, 1], { as: 'initiators' });
    await scene.notify('Rollback', [2, 3]);
    await scene.heard('Aborted', 2);
    expect(await scene.balance()).toBe(100_000);
  });
});

function transferOf(amountMinor: number): Transfer {
  return {
    debtor: { bank: participantId('bank-a'), account: alice },
    creditors: [{ bank: participantId('bank-b'), account: accountId('bob'), amountMinor }],
    currency: currency('EUR'),
  };
}

function otherTid(): TransactionId {
  return transactionId('00000000-0000-8000-8000-000000000002');
}
