import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encodeSigned, signStatement } from '../../src/agreement/signing.js';
import type { InvitationStatement, Statement, Vote } from '../../src/agreement/statements.js';
import { TransferClient } from '../../src/banking/client/transfer-client.js';
import { accountId, currency } from '../../src/banking/soap.js';
import { claimPorts, type PortRange } from '../../src/cli/local/port-range.js';
import { LocalCluster } from '../../src/cli/local-cluster.js';
import { loadNode } from '../../src/kernel/config/node-file.js';
import {
  enlistmentId,
  initiatorId,
  participantId,
  type TransactionId,
  transactionId,
} from '../../src/kernel/ids.js';
import { ed25519Signer } from '../../src/kernel/keys.js';
import type { Signed } from '../../src/kernel/signed.js';
import { endpoint } from '../../src/soap/addressing.js';
import type { SoapClient } from '../../src/soap/client.js';
import { soapIdentity } from '../../src/soap/identity.js';
import {
  coordinationActions,
  notificationAction,
  writeNotification,
  writeRegister,
} from '../../src/transaction/soap/coordination.js';
import {
  enlistmentIdParameter,
  statementExtension,
  transactionIdParameter,
} from '../../src/transaction/soap/extension.js';
import { cli } from '../cli/support/cli.js';
import { eventually } from './support/eventually.js';

/** One process a node. The stranger is a bank of the cluster that no transaction concerns. */
const stranger = participantId('bank-c');
const liar = initiatorId(2);
const payment = {
  debtor: { bank: participantId('bank-a'), account: accountId('alice') },
  creditors: [{ bank: participantId('bank-b'), account: accountId('bob'), amountMinor: 5 }],
  currency: currency('EUR'),
};
const coordinators = [0, 1, 2, 3];
const placesOffered = 8;

let directory: string;
let ports: PortRange;
let local: LocalCluster;
let client: TransferClient;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'concordat-system-'));
  ports = await claimPorts();
  local = await LocalCluster.start({
    directory,
    basePort: ports.basePort,
    // So slow to suspect that a busy machine is no reason, and faster than a vote that does not come.
    create: { participants: ['bank-a', 'bank-b', stranger], timing: { suspectAfterMs: 8000 } },
  });
  const node = await loadNode(local.nodeFile('alice'));
  client = new TransferClient({ cluster: local.cluster, node });
  await local.kill(stranger);
}, 90_000);

afterAll(async () => {
  await client?.close();
  await local?.stop();
  await ports?.release();
  await rm(directory, { recursive: true, force: true });
});

/** What has the stranger's keys, and those of one initiator that lies. */
class Stranger {
  readonly #signed: <S extends Statement | InvitationStatement>(
    by: string,
    statement: S,
  ) => Signed<S>;
  readonly #client: SoapClient;

  private constructor(signed: Stranger['signed'], soap: SoapClient) {
    this.#signed = signed;
    this.#client = soap;
  }

  get signed() {
    return this.#signed;
  }

  static async open(): Promise<Stranger> {
    const names = [stranger, `initiator-${liar}`];
    const nodes = await Promise.all(names.map((name) => loadNode(local.nodeFile(name))));
    const [own] = nodes;
    if (own === undefined) throw new Error('no private file');
    const signed: Stranger['signed'] = (by, statement) => {
      const node = nodes.find(({ name }) => name === by);
      if (node === undefined || !('statementKey' in node)) throw new Error(`no key of ${by}`);
      return signStatement(ed25519Signer(node.statementKey), local.cluster.id, statement);
    };
    return new Stranger(signed, soapIdentity(local.cluster, own).client);
  }

  invitation(tid: TransactionId, by: 'itself' | 'one initiator'): Signed<InvitationStatement> {
    const inviter =
      by === 'itself'
        ? ({ role: 'participant', id: stranger } as const)
        : ({ role: 'initiator', id: liar } as const);
    return this.#signed(by === 'itself' ? stranger : `initiator-${liar}`, {
      kind: 'invitation',
      tid,
      participant: stranger,
      places: placesOffered,
      inviter,
      invitations: [],
    });
  }

  /** Registers at a coordinator. Gives the code of the fault, or `registered`. */
  async register(
    tid: TransactionId,
    coordinator: number,
    name: string,
    invitations: readonly Signed<InvitationStatement>[],
  ): Promise<string> {
    const address = `${local.url(stranger)}/participant`;
    const enlistment = enlistmentId(`${stranger}.${name}`);
    const registration = this.#signed(stranger, {
      kind: 'registration',
      tid,
      participant: stranger,
      enlistment,
      protocol: 'durable',
      address,
      invitations,
    });
    const service = `${local.url(`coordinator-${coordinator}`)}/registration`;
    const parameters = [transactionIdParameter(tid), enlistmentIdParameter(enlistment)];
    try {
      await this.#client.request(endpoint(service, transactionIdParameter(tid)), {
        action: coordinationActions.register,
        body: writeRegister({
          protocol: 'durable',
          participantProtocolService: endpoint(address, ...parameters),
          extensions: [statementExtension(encodeSigned(registration))],
        }),
        timeoutMs: 10_000,
      });
      return 'registered';
    } catch (error) {
      return error instanceof Error && 'code' in error ? String(error.code) : String(error);
    }
  }

  async vote(tid: TransactionId, coordinator: number, name: string, vote: Vote): Promise<void> {
    const enlistment = enlistmentId(`${stranger}.${name}`);
    const signed = this.#signed(stranger, {
      kind: 'vote',
      tid,
      participant: stranger,
      enlistment,
      vote,
    });
    const service = `${local.url(`coordinator-${coordinator}`)}/coordinator`;
    const notification = vote === 'aborted' ? 'Aborted' : 'Prepared';
    await this.#client.notify(
      endpoint(service, transactionIdParameter(tid), enlistmentIdParameter(enlistment)),
      {
        action: notificationAction(notification),
        body: writeNotification(notification, statementExtension(encodeSigned(signed))),
        from: endpoint(`${local.url(stranger)}/participant`),
      },
    );
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

/** The id of a transaction that began after so much of a coordinator's log was written. */
async function activatedAfter(length: number): Promise<TransactionId> {
  const log = join(directory, 'logs', 'coordinator-3.log');
  let found: string | undefined;
  await eventually('a transaction is activated', async () => {
    const lines = (await readFile(log, 'utf8')).slice(length).split('\n');
    const line = lines.find((text) => text.includes('"activated"') && text.endsWith('}'));
    found = line && (JSON.parse(line) as { tid: string }).tid;
    return found !== undefined;
  });
  return transactionId(found ?? '');
}

async function views(): Promise<unknown[]> {
  return Promise.all(
    coordinators.map(async (index) => {
      const response = await fetch(`${local.url(`coordinator-${index}`)}/healthz`);
      return ((await response.json()) as { view: number }).view;
    }),
  );
}

it('a bank that nobody invited aborts nothing, takes no place and costs no view', async () => {
  const signal = (name: 'SIGSTOP' | 'SIGCONT') => {
    const pid = local.nodes.find((node) => node.name === 'bank-b')?.pid;
    if (pid !== undefined) process.kill(pid, name);
  };
  const intruder = await Stranger.open();
  const log = await readFile(join(directory, 'logs', 'coordinator-3.log'), 'utf8');
  // The transaction stays open for as long as one of its banks stands still.
  signal('SIGSTOP');
  const paid = client.transfer(payment, { timeoutMs: 60_000 });
  try {
    const tid = await activatedAfter(log.length);
    const shown = {
      nothing: [],
      'its own word': [intruder.invitation(tid, 'itself')],
      'the word of one initiator': [intruder.invitation(tid, 'one initiator')],
      'one word twice': [
        intruder.invitation(tid, 'one initiator'),
        intruder.invitation(tid, 'one initiator'),
      ],
    };
    for (const [what, invitations] of Object.entries(shown)) {
      const name = what.replaceAll(' ', '-');
      const answers = coordinators.map((at) => intruder.register(tid, at, name, invitations));
      for (const answer of await Promise.all(answers)) {
        expect(answer, what).toMatch(/^(CannotRegisterParticipant|FailedCheck)$/);
      }
      for (const vote of ['prepared', 'aborted'] as const) {
        await Promise.all(coordinators.map((at) => intruder.vote(tid, at, name, vote)));
      }
    }
    signal('SIGCONT');
    expect(await paid).toEqual({ outcome: 'committed', transactionId: tid });
    const files = ['-c', join(directory, 'cluster.json'), '-o', join(directory, 'x.proof')];
    const proof = await cli('proof', tid, ...files, '--json');
    expect(proof.out).toContain('bank-b');
    expect(proof.out).not.toContain(stranger);
    expect(await views()).toEqual([0, 0, 0, 0]);
  } finally {
    signal('SIGCONT');
    await intruder.close();
  }
});
