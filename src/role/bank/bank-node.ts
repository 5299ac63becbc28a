import { join } from 'node:path';
import type { Core } from '../../core/effects.js';
import type {
  CallResult,
  ParticipantOptions,
} from '../../core/transaction/participant-messages.js';
import { Keyring } from '../../crypto/keyring.js';
import { ed25519Signer, signStatement } from '../../crypto/signer.js';
import { ownMember, type ParticipantNode } from '../../edge/config/node-file.js';
import { Driver } from '../../edge/driver/driver.js';
import { registerHealth } from '../../edge/http/http-server.js';
import type { Logger } from '../../edge/http/logger.js';
import { createNodeServer } from '../../edge/http/node-server.js';
import { accountId, type Balance, currency } from '../../edge/soap/banking.js';
import { MessageVerifier, trustOf } from '../../edge/soap/security.js';
import { registerPort } from '../../edge/soap/server.js';
import { openExistingStore } from '../../edge/store/store.js';
import { unreachable } from '../../vocabulary/brand.js';
import type { Cluster } from '../../vocabulary/cluster.js';
import { soapIdentity } from '../soap-identity.js';
import { AccountRules } from './account-rules.js';
import { BankCore, type BankInput, type BankOutput } from './bank-core.js';
import { Outbound } from './outbound.js';
import { accountOperations, type BalanceRefusal, participantOperations } from './ports.js';
import { WaitingCalls } from './waiting-calls.js';

export interface BankNodeOptions {
  readonly cluster: Cluster;
  readonly node: ParticipantNode;
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

export interface RunningNode {
  /** Where it listens. */
  readonly url: string;
  /** Takes no more requests, answers those that wait, and closes all connections and the store. */
  stop(): Promise<void>;
}

/** An open enlistment takes some 5 kB, one that is remembered less than one. */
const limits = { enlistments: 4096, invitationsPerInitiator: 1024 };
/** Ended enlistments that are remembered, for each transaction that coordinators remember. */
const finishedPerTransaction = 2;
/** No transaction is waited for longer than so many default lifetimes before it is prepared. */
const expiryPatience = 10;
/** SOAP requests under way at one port; an initiator's waits until its operation is executed. */
const inFlightMax = 4096;

/**
 * Starts a bank: `/account` for initiators and clients, `/participant` for coordinators. Rejects with
 * `ConfigError` where the node is not a member of the cluster, `StoreError` where its store cannot be
 * opened or is gone (`init` made it, so an empty one would be a lost disk), `RangeError` where an account is not valid, or where it cannot listen.
 */
export async function startBank(options: BankNodeOptions): Promise<RunningNode> {
  const { cluster, node, log, onFatal, onSent } = options;
  const { createCore = (core, accounts) => new BankCore(core, accounts) } = options;
  const self = ownMember(cluster, node);
  const keyring = Keyring.of(cluster);
  const { signer, verifier, client } = soapIdentity(cluster, node, onSent);
  const sign = ed25519Signer(node.statementKey);
  const { resendAfterMs, defaultExpiresMs } = cluster.timing;
  const core = createCore(
    {
      id: self.id,
      resilience: cluster.resilience,
      resendAfterMs,
      limits: {
        ...limits,
        finished: finishedPerTransaction * cluster.retainedTransactions,
        expiresMs: expiryPatience * defaultExpiresMs,
      },
      address: `${self.url}/participant`,
      sign: (statement) => signStatement(sign, cluster.id, statement),
    },
    node.accounts.map(openingAccount),
  );

  const store = await openExistingStore(join(node.dataDir, 'store'));
  const submit = (input: BankInput): boolean => driver.submit(input);
  const waiting: Waiting = {
    results: new WaitingCalls<CallResult>({ kind: 'refused', reason: 'Busy' }),
    balances: new WaitingCalls<Balance | BalanceRefusal>('Busy'),
  };
  const outbound = new Outbound({ cluster, self, client, log, submit });
  const perform = performer(outbound, waiting);
  const driver = new Driver({ core, store, perform, log, onFatal });

  const app = createNodeServer(cluster, self, node, log);
  registerHealth(app, log);
  const common = (path: string) => ({
    path,
    security: { kind: 'signed', verifier, signer, address: `${self.url}${path}` } as const,
    client,
    inFlightMax,
    onSent,
  });
  registerPort(app, {
    ...common('/account'),
    wsdl: 'account',
    operations: accountOperations({
      keyring,
      verifier: new MessageVerifier({ trust: trustOf(cluster), clock: Date.now }),
      participant: self.id,
      rules: new AccountRules(node.accounts),
      defaultExpiresMs,
      ask: (request) => waiting.results.wait((call) => submit({ ...request, call })),
      balanceOf: (account) =>
        waiting.balances.wait((call) => submit({ kind: 'balance-asked', call, account })),
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
    },
  };
}

interface Waiting {
  readonly results: WaitingCalls<CallResult>;
  readonly balances: WaitingCalls<Balance | BalanceRefusal>;
}

function performer(outbound: Outbound, waiting: Waiting) {
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
