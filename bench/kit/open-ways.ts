import { TransferClient } from '../../src/banking/client/transfer-client.js';
import type { Transfer } from '../../src/banking/soap.js';
import { loadClient } from '../../src/cli/client.js';
import { ProcedureClient } from '../../src/service/client/procedure-client.js';
import { requireCommitted } from '../transfer/committed.js';
import { balanceAt, type ReadBalance } from '../transfer/ledger.js';
import { transferTimeoutMs } from '../transfer/system.js';
import { clientNames, type Deployment, databaseServer, gateway } from './deployment.js';
import type { TransferOrder } from './orders.js';
import { services } from './others.js';
import { PlainClient } from './plain-client.js';
import { pairs, Way, type WayName, type WayOptions, wayNames } from './ways.js';

/** The ways of a deployment, and the clients that they share. */
export interface OpenWays {
  readonly ways: readonly Way[];
  close(): Promise<void>;
}

type Requests = Pick<WayOptions, 'send' | 'read'>;

/** Processes that belong to a way besides its two participants. */
const behind: Readonly<Record<WayName, readonly string[]>> = {
  bank: [],
  table: [],
  postgres: [databaseServer],
  sidecar: services,
  gateway: [gateway],
};

const options = { timeoutMs: transferTimeoutMs };

/** All ways that the deployment has; all clients are in this process. */
export async function openWays(deployment: Deployment, clients: number): Promise<OpenWays> {
  const { local, others, database } = deployment;
  const [payer, buyer] = await Promise.all(
    [clientNames.payer, clientNames.buyer].map((name) => loadClient(local.nodeFile(name))),
  );
  if (payer === undefined || buyer === undefined) throw new RangeError('no clients');
  const banks = new TransferClient({ ...payer, lanes: clients });
  const procedures = new ProcedureClient({ ...buyer, lanes: clients });
  const plain = await PlainClient.start(others.plainClientPort, {
    gateway: await deployment.gatewayUrl(),
    participants: new Map(pairs.gateway.map((name) => [name, others.url(name)])),
  });
  const kit = (name: WayName): Requests => throughKit(name, procedures);
  const requests: Readonly<Record<WayName, Requests>> = {
    bank: {
      send: async (transfer) => {
        await requireCommitted('bank', banks.transfer(transfer, options));
      },
      read: balanceAt(banks),
    },
    table: kit('table'),
    postgres: kit('postgres'),
    sidecar: kit('sidecar'),
    gateway: {
      send: (transfer) => plain.transfer(transfer),
      read: (account) => plain.balance(account),
    },
  };
  const ways: Way[] = [];
  for (const name of wayNames) {
    if (name === 'postgres' && database === undefined) continue;
    const own = [...pairs[name], ...behind[name]];
    const processorTimes = () => deployment.processorTimes(own);
    const processes = () => deployment.processes(own);
    const { cluster } = local;
    const whole = { name, cluster, clients, processorTimes, processes, ...requests[name] };
    ways.push(await Way.open(whole));
  }
  const close = async () => {
    await Promise.all([banks.close(), procedures.close(), plain.close()]);
  };
  return { ways, close };
}

/** By the procedures of `nodes/transfers.ts`, whatever the participants keep their accounts in. */
function throughKit(name: WayName, client: ProcedureClient): Requests {
  const run = (procedure: string, payload: Readonly<Record<string, string | number>>) => ({
    application: 'transfers',
    procedure,
    payload,
  });
  const send = async (transfer: Transfer) => {
    const { debtor, creditor, ...posting } = orderOf(transfer);
    const permits = [{ participant: debtor, operation: 'debit', payload: posting }];
    const order = { ...run('transfer', { debtor, creditor, ...posting }), permits };
    await requireCommitted(name, client.run(order, options));
  };
  const read: ReadBalance = async ({ bank, account }) => {
    const order = run('balance', { bank, account });
    return Number((await requireCommitted(name, client.run(order, options))).result);
  };
  return { send, read };
}

function orderOf({ debtor, creditors }: Transfer): TransferOrder {
  const [creditor, ...others] = creditors;
  if (creditor === undefined || others.length > 0) throw new RangeError('not of two participants');
  const { amountMinor } = creditor;
  return { debtor: debtor.bank, creditor: creditor.bank, account: debtor.account, amountMinor };
}
