import { clientId, type ReplicaId } from '../../../../src/kernel/ids.js';
import type { Signed } from '../../../../src/kernel/signed.js';
import { weigh } from '../../../../src/ordering/core/ezbft/deciding.js';
import { encodeAssistance } from '../../../../src/ordering/report-codec.js';
import { encodeSettlement } from '../../../../src/ordering/settlement-codec.js';
import {
  type Batch,
  instanceClient,
  type OrderingMessageOf,
  type OrderingRequest,
  type OrderingScope,
  type ReportStatement,
  type SpecReply,
} from '../../../../src/ordering/types.js';
import { laneJudge } from '../machine.js';
import { genuineRequest } from '../requests.js';
import type { Liar } from './liar.js';
import { nameOfInstance } from './memory.js';

/** What liars have ordered that others may accept: requests of their own, and commands of Decision Modules. */

const commands = clientId('decision-module');

/** Another batch that may stand at the same place: other words about the same cycle or instance, or other requests. */
export function otherBatch(
  liar: Liar,
  { scope, batch }: OrderingMessageOf<'pre-prepare'>,
): Batch | undefined {
  const [first] = batch;
  if (scope === 'pbft' || scope === 'fab') return [ownRequest(liar)];
  if (!first) return undefined;
  const command =
    scope === 'decision-module'
      ? commandFor(liar, first.number, true)
      : settlementFor(liar, first.client, first.number);
  return command && [command];
}

/** Any batch that this part of an engine would take. */
export function anyBatch(liar: Liar, scope: OrderingScope): Batch | undefined {
  if (scope === 'fab' || scope === 'pbft') return [ownRequest(liar)];
  if (scope === 'decision-module') {
    const cycle = Math.max(1, liar.memory.highestCycle - liar.random.int(4));
    const command = commandFor(liar, cycle, true);
    return command && [command];
  }
  const known = [...liar.memory.replies.values()];
  if (known.length === 0) return undefined;
  const [reply] = liar.random.pick(known).values();
  if (!reply) return undefined;
  const { space, index } = reply.statement.instance;
  const command = settlementFor(liar, instanceClient(space), index);
  return command && [command];
}

function ownRequest({ self, random }: Liar): OrderingRequest {
  return genuineRequest(`own${self}`, 1 + random.int(1000), 'other');
}

/** A command of reports of this cycle that the liar knows, its own and its friends' as it likes. */
export function commandFor(
  liar: Liar,
  cycle: number,
  isChanged: boolean,
): OrderingRequest | undefined {
  const { n, f } = liar.resilience;
  const known = new Map(liar.memory.reports.get(cycle) ?? []);
  const any = known.values().next().value?.statement;
  if (!any) return undefined;
  if (isChanged)
    for (const friend of liar.conspiracy.signers.keys()) lieIn(liar, known, friend, any);
  const chosen = liar.random.sample([...known.values()], n - f);
  if (chosen.length < n - f) return undefined;
  const reports = chosen.sort((a, b) => a.statement.replica - b.statement.replica);
  const excluded = liar.memory.excludedAt(cycle);
  return { client: commands, number: cycle, payload: encodeAssistance({ excluded, reports }) };
}

/** A friend's report, with whatever other values there are, hidden ones first. */
function lieIn(
  liar: Liar,
  known: Map<ReplicaId, Signed<ReportStatement>>,
  friend: ReplicaId,
  any: ReportStatement,
): void {
  const { cycle } = any;
  const hidden = liar.conspiracy.hidden.get(cycle);
  const entries = any.entries.map((entry, index) => {
    const replica = index as ReplicaId;
    const values = [...(liar.memory.proposals.get(cycle)?.get(replica)?.values() ?? [])];
    const last = values.at(-1)?.proposal;
    const other = last && { digest: last.statement.digest, signature: last.signature };
    return hidden?.get(replica)?.entry ?? other ?? entry;
  });
  known.set(friend, liar.signAs(friend, { ...any, replica: friend, entries }));
}

/** A settlement of this instance by other replies, those of liars as they like. */
function settlementFor(
  liar: Liar,
  client: OrderingRequest['client'],
  index: number,
): OrderingRequest | undefined {
  const { n, f } = liar.resilience;
  const space = Array.from({ length: n }, (_, one) => one as ReplicaId).find(
    (one) => instanceClient(one) === client,
  );
  if (space === undefined) return undefined;
  const known = new Map(liar.memory.replies.get(nameOfInstance(space, index)) ?? []);
  const any = [...known.values()].find(({ statement }) => statement.value)?.statement;
  if (!any) return undefined;
  for (const friend of liar.conspiracy.signers.keys()) {
    known.set(friend, liar.signAs(friend, otherReply(liar, any)));
  }
  const chosen = liar.random.sample([...known], n - f).sort(([a], [b]) => a - b);
  if (chosen.length < n - f) return undefined;
  const said = chosen.map(([replica, reply]) => ({ replica, reply }));
  const { candidate, merged } = weigh(
    said.map(({ reply }) => reply.statement.value),
    liar.resilience,
  );
  const digest = (candidate ?? merged)?.digest;
  const batch = digest === undefined ? null : liar.memory.batches.get(digest);
  if (batch === undefined) return undefined;
  const touched = batch && laneJudge.touchedBy(batch);
  return { client, number: index, payload: encodeSettlement({ said, touched }) };
}

function otherReply({ random }: Liar, { instance, value, ...any }: SpecReply): SpecReply {
  if (!value || random.chance(0.3)) return { ...any, instance, value: null };
  const deps = value.deps.map((place, of) => {
    return of === instance.space ? place : Math.max(0, place + random.pick([-1, 0, 1]));
  });
  return { ...any, instance, value: { ...value, deps } };
}
