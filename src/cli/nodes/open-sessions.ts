import { BankingOrders } from '../../banking/orders.js';
import type { Cluster } from '../../kernel/cluster.js';
import { ed25519Signer } from '../../kernel/keys.js';
import { sessionDefaults } from '../../session/core/application.js';
import { SessionReplica } from '../../session/core/session-replica.js';
import { engineMaker } from '../../session/node/engine.js';
import { Sessions, type SessionsOptions } from '../../session/node/sessions.js';
import type { SoapClient } from '../../soap/client.js';
import type { Decisions } from '../../transaction/coordinator/node/decisions.js';

export interface OpenSessionsOptions
  extends Omit<SessionsOptions, 'setting' | 'orders' | 'createCore'> {
  readonly cluster: Cluster;
  /** Signs as this coordinator. */
  readonly client: SoapClient;
  /** Of this replica's own coordinator. */
  readonly decisions: Decisions;
}

/** Layer 2 as the cluster file has it; `undefined` where it has none. Throws as `Sessions.open` does. */
export async function openSessions(options: OpenSessionsOptions): Promise<Sessions | undefined> {
  const { cluster, client, decisions, node, self, log } = options;
  const { sessions: setting, resilience, timing } = cluster;
  if (setting === undefined) return undefined;
  return Sessions.open({
    ...options,
    setting,
    orders: new BankingOrders({ cluster, client, log, decisions }),
    createCore: (applications) =>
      new SessionReplica({
        ...sessionDefaults,
        cluster: cluster.id,
        resilience,
        self: self.id,
        sign: ed25519Signer(node.statementKey),
        engine: engineMaker(setting.engine, timing),
        applications,
      }),
  });
}
