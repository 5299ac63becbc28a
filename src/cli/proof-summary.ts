import type { OutcomeValue, VerifiedDecisionProof } from '../agreement/messages.js';
import { fastPrepares } from '../agreement/two-step.js';
import type { Cluster } from '../kernel/cluster.js';
import { quorum } from '../kernel/ids.js';
import { table } from './output.js';

/** What a verified proof says, in plain values. */
export function summarize(cluster: Cluster, { commits, value }: VerifiedDecisionProof) {
  const { result, ballot } = commits.statement;
  const decision = {
    cluster: cluster.id,
    view: ballot.view,
    coordinators: commits.signatures.map(({ replica }) => nameOf(cluster.coordinators, replica)),
    coordinatorsNeeded:
      commits.statement.phase === 'prepare'
        ? fastPrepares(cluster.resilience)
        : quorum(cluster.resilience),
  };
  if (value.kind === 'activation') {
    const initiators = value.requests.map(({ statement }) => statement.initiator);
    const transactionId = result.kind === 'activation' ? result.tid : undefined;
    return {
      kind: 'activation' as const,
      transactionId,
      ...decision,
      ...asking(cluster, initiators),
    };
  }
  const initiators = value.completion.map(({ statement }) => statement.initiator);
  return {
    kind: 'outcome' as const,
    transactionId: value.tid,
    outcome: value.outcome === 'commit' ? ('committed' as const) : ('aborted' as const),
    ...(value.reason !== undefined && { reason: value.reason }),
    ...decision,
    ...asking(cluster, initiators),
    participants: participantsOf(value),
  };
}

export type ProofSummary = ReturnType<typeof summarize>;

export function summaryText(summary: ProofSummary): string {
  const { kind, transactionId, view, coordinators, coordinatorsNeeded, initiators } = summary;
  const lines = [
    `decided by    ${coordinators.join(', ')} in view ${view} (${coordinatorsNeeded} must)`,
  ];
  if (initiators.length > 0) lines.push(`asked for by  ${initiators.join(', ')}`);
  if (kind === 'activation') {
    return [`valid: transaction ${transactionId} was begun`, ...lines].join('\n');
  }
  const { outcome, reason, participants } = summary;
  if (outcome === 'aborted') lines.push(...blame(participants));
  const why = reason === undefined ? '' : ` (${reason})`;
  const rows = participants.map(({ participant, protocol, vote, enlistment }) => [
    participant,
    protocol,
    vote ?? 'none',
    enlistment,
  ]);
  return [
    `valid: transaction ${transactionId} ${outcome}${why}`,
    ...lines,
    ...(rows.length === 0
      ? ['no participants']
      : ['', table(['PARTICIPANT', 'PROTOCOL', 'VOTE', 'ENLISTMENT'], rows)]),
  ].join('\n');
}

type Summarized = ReturnType<typeof participantsOf>[number];

/** Who voted to abort, and who did not vote. */
function blame(participants: readonly Summarized[]): string[] {
  const of = (vote: Summarized['vote']) =>
    participants.flatMap((each) => (each.vote === vote ? [each.participant] : []));
  const [against, silent] = [of('aborted'), of(undefined)];
  return [
    ...(against.length === 0 ? [] : [`refused by    ${[...new Set(against)].join(', ')}`]),
    ...(silent.length === 0 ? [] : [`no vote of    ${[...new Set(silent)].join(', ')}`]),
  ];
}

function participantsOf({ records }: OutcomeValue) {
  return records.map(({ registration, vote }) => {
    const { participant, enlistment, protocol } = registration.statement;
    return { participant, enlistment, protocol, vote: vote?.statement.vote };
  });
}

function asking(cluster: Cluster, ids: readonly number[]) {
  return { initiators: ids.map((id) => nameOf(cluster.initiators, id)) };
}

function nameOf(members: readonly { readonly id: number; readonly name: string }[], id: number) {
  return members.find((member) => member.id === id)?.name ?? String(id);
}
