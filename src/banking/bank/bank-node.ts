import { join } from 'node:path';
import type { Cluster } from '../../kernel/cluster.js';
import { ownMember, type ParticipantNode } from '../../kernel/config/node-file.js';
import type { Core } from '../../kernel/core.js';
import { Driver } from '../../kernel/driver/driver.js';
import { Members } from '../../kernel/enrollment/members.js';
import { registerMembers } from '../../kernel/enrollment/members-port.js';
import { createNodeServer, registerHealth } from '../../kernel/http/http-server.js';
import type { Logger } from '../../kernel/http/logger.js';
import { unreachable } from '../../kernel/ids.js';
import { Keyring } from '../../kernel/keys.js';
import type { RunningNode } from '../../kernel/running-node.js';
import { openExistingStore } from '../../kernel/store/store.js';
import { participantOperations } from '../../service/participant/coordinator-port.js';
import { ParticipantOutbound } from '../../service/participant/outbound.js';
import { participantOptions } from '../../service/participant/participant-options.js';
import { serviceOperations } from '../../service/participant/service-port.js';
import { WaitingCalls } from '../../service/participant/waiting-calls.js';
import { MemberServer } from '../../soap/compact/member-server.js';
import { memberIdentity, wireOf } from '../../soap/identity.js';
import { registerPort, signedSecurity } from '../../soap/server.js';
import { trustOf } from '../../soap/trust.js';
import { MessageVerifier } from '../../soap/verification.js';
import { Checkers } from '../../transaction/checks/checkers.js';
import type {
  OperationResult,
  ParticipantOptions,
} from '../../transaction/participant/messages.js';
import { accountId, type Balance, currency } from '../soap.js';
import { BankCore, type BankInput, type BankOutput } from './bank-core.js';
import { accountOperations, type BalanceRefusal, type BankRequest } from './ports.js';
import { bankRequestOf } from './service-operations.js';
import { AccountRules } from './warrants.js';

/** What a bank runs with. */
export interface BankNodeOptions {
  /** The cluster, as `loadCluster` reads it. */
  readonly cluster: Cluster;
  /** Its private file, as `loadNode` reads it. */
  readonly node: ParticipantNode;
  /** A logger of pino. */
  readonly log: Logger;
  /** The node cannot go on; the process should end. */
  readonly onFatal: (error: Error) => void;
  /** Sees every envelope as it is sent. */
  readonly onSent?: (text: string) => void;
  /** Makes the core; the bank of the protocol unless given. */
  readonly createCore?: (
    options: ParticipantOptions,
    openingAccounts: readonly Balance[],
  ) => Core<BankInput, BankOutput>;
}

/** An open enlistment takes some 5 kB, one that is remembered less than one. */
const limits = { enlistments: 4096, invitationsPerInitiator: 1024 };
/** SOAP requests under way at one port; an initiator's waits until its operation is executed. */
const inFlightMax = 4096;

/**
 * Starts a bank: `/account` and `/service` for initiators, `/account` for clients, `/participant` for coordinators. Rejects with
 * `ConfigError` where the node is not a member of the cluster, `StoreError` where its store cannot be
 * opened or is gone (`init` made it, so an empty one would be a lost disk), `RangeError` where an account is not valid, or where it cannot listen.
 *
 * @example
 * ```ts
 * import { loadCluster, loadNode } from 'concordat/client';
 * import { startBank } from 'concordat/participant';
 * import { pino } from 'pino';
 *
 * const node = await loadNode('.concordat/nodes/bank-a.json');
 * if (node.role !== 'participant') throw new Error('not the file of a bank');
 * const cluster = await loadCluster(node.clusterFile);
 * const bank = await startBank({ cluster, node, log: pino(), onFatal: () => process.exit(1) });
 * console.log(`listens at ${bank.url}`);
 * process.once('SIGTERM', () => void bank.stop());
 * ```
 */
export async function startBank(options: BankNodeOptions): Promise<RunningNode> {
  const { node, log, onFatal, onSent } = options;
  const members = await Members.open(options.cluster, node);
  const { cluster } = members;
  const { createCore = (core, accounts) => new BankCore(core, accounts) } = options;
  const self = ownMember(cluster, node);
  const keyring = Keyring.of(cluster);
  const identity = memberIdentity(cluster, node, log, onSent);
  const { client } = identity;
  const checkers = Checkers.start({ cluster, threads: node.threads, keyring, onFatal });
  const { defaultExpiresMs } = cluster.timing;
  const { turnEnded, ...participant } = participantOptions(cluster, node, self, limits);
  const core = createCore(participant, node.accounts.map(openingAccount));

  const store = await openExistingStore(join(node.dataDir, 'store'));
  const submit = (input: BankInput): boolean => driver.submit(input);
  const waiting: Waiting = {
    results: new WaitingCalls<OperationResult>({ kind: 'refused', reason: 'Busy' }),
    balances: new WaitingCalls<Balance | BalanceRefusal>('Busy'),
  };
  const outbound = new ParticipantOutbound({ cluster, self, client, log, submit });
  const perform = performer(outbound, waiting);
  const driver = new Driver({ core, store, perform, log, onFatal, turnEnded });

  const app = createNodeServer(cluster, self, node, log);
  if (cluster.binding === 'compact') MemberServer.at(app, cluster, node, log);
  registerHealth(app, log, () => ({ ...wireOf(cluster, identity), threads: node.threads ?? 0 }));
  registerMembers(app, members, self, log);
  const common = (path: string) => ({
    path,
    security: signedSecurity(identity, `${self.url}${path}`, checkers),
    client,
    inFlightMax,
    onSent,
  });
  const rules = new AccountRules(node.accounts);
  const shared = {
    keyring,
    verifier: new MessageVerifier({ trust: trustOf(cluster), clock: Date.now }),
    participant: self.id,
    defaultExpiresMs,
  };
  const ask = (request: BankRequest) =>
    waiting.results.wait((call) => submit({ ...request, call }));
  registerPort(app, {
    ...common('/account'),
    wsdl: 'account',
    operations: accountOperations({
      ...shared,
      rules,
      ask,
      balanceOf: (account) =>
        waiting.balances.wait((call) => submit({ kind: 'balance-asked', call, account })),
    }),
  });
  registerPort(app, {
    ...common('/service'),
    wsdl: 'service',
    operations: serviceOperations({
      ...shared,
      protocol: 'durable',
      ask: async (call) => {
        const request = bankRequestOf(call, rules);
        return typeof request === 'string' ? { kind: 'refused', reason: request } : ask(request);
      },
    }),
  });
  registerPort(app, {
    ...common('/participant'),
    wsdl: 'participant',
    operations: participantOperations(keyring, self.id, submit, log),
  });

  await driver.start();
  const url = await app.listen(node.listen);
  return {
    url,
    stop: async () => {
      waiting.results.dismissAll();
      waiting.balances.dismissAll();
      await app.close();
      await driver.stop();
      await client.close();
      await checkers?.stop();
    },
  };
}

interface Waiting {
  readonly results: WaitingCalls<OperationResult>;
  readonly balances: WaitingCalls<Balance | BalanceRefusal>;
}

function performer(outbound: ParticipantOutbound, waiting: Waiting) {
  return (output: BankOutput): void => {
    switch (output.kind) {
      case 'answer':
        for (const call of output.calls) waiting.results.answer(call, output.result);
        return;
      case 'tell-balance':
        return waiting.balances.answer(output.call, output.balance ?? 'UnknownAccount');
      case 'register':
        return outbound.register(output);
      case 'send-vote':
        return outbound.vote(output);
      case 'send-acknowledgement':
        return outbound.outcome(output);
      case 'send-fault':
        return outbound.fault(output);
      default:
        return unreachable(output);
    }
  };
}

function openingAccount(account: ParticipantNode['accounts'][number]): Balance {
  return {
    account: accountId(account.account),
    amountMinor: account.amountMinor,
    currency: currency(account.currency),
  };
}
