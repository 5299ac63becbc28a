import { encodeDecisionProof } from '../../../src/agreement/certificate.js';
import type { DecisionProof, OutcomeValue } from '../../../src/agreement/messages.js';
import type { Cluster } from '../../../src/kernel/cluster.js';
import { attempt, enlistmentId, participantId, view } from '../../../src/kernel/ids.js';
import { signingInBatches } from '../batches.js';
import { Evidence, upTo } from '../evidence.js';
import { invitationBy, invitationsOf, passedOn } from '../invitations.js';
import { testCluster } from '../keys.js';

/** What a valid proof proves, in the words of docs/formats.md. */
export interface Proves {
  readonly tid: string;
  readonly outcome: 'commit' | 'abort';
  readonly reason: 'none' | 'vote' | 'rollback' | 'timeout';
  /** By enlistment; `null` where it did not vote. */
  readonly votes: Readonly<Record<string, string | null>>;
}

export interface ProofVector {
  readonly name: string;
  readonly proof: Uint8Array;
  /** How the coordinators agree, where it is not in three phases. */
  readonly agreement?: 'two-step';
  /** `null` where the proof is to be refused. */
  readonly proves: Proves | null;
}

const parties = testCluster({ id: 'vectors', participants: ['bank-a', 'bank-b', 'bank-c'] });
const evidence = new Evidence(parties);
/** The same members, in a cluster that agrees in two steps. */
const inTwoSteps = testCluster({
  ...{ id: 'vectors', participants: ['bank-a', 'bank-b', 'bank-c'] },
  agreement: 'two-step',
});
const { tid } = evidence;
const bankB = participantId('bank-b');
const pair = (vote: 'prepared' | 'readOnly' | 'aborted' = 'prepared') => [
  evidence.record('bank-a'),
  evidence.record('bank-b', vote),
];
const commit = (over: Partial<OutcomeValue> = {}) =>
  evidence.commitValue({ records: pair(), ...over });
const abort = (over: Partial<OutcomeValue>) =>
  commit({ outcome: 'abort', completion: [], ...over });
const hostA = { tid, participant: participantId('bank-a') };
const guest = (over: Parameters<Evidence['registration']>[1]) => ({
  registration: evidence.registration('bank-b', over),
  vote: evidence.vote('bank-b'),
});

/** The cluster that the proofs are of, with its keys. */
export const vectorParties = parties;
export const vectorCluster = parties.cluster;

/** The cluster that the vector is of. */
export function clusterOf({ agreement }: { readonly agreement?: 'two-step' | undefined }): Cluster {
  return agreement ? inTwoSteps.cluster : vectorCluster;
}

/** What a verifier knows of the cluster. */
export function clusterJson(): object {
  const { id, resilience, coordinators, initiators, participants } = vectorCluster;
  const keys = (members: readonly { readonly id: unknown; readonly statementKey: string }[]) =>
    members.map(({ id, statementKey }) => ({ id, statementKey }));
  return {
    id,
    f: resilience.f,
    coordinators: keys(coordinators),
    initiators: keys(initiators),
    participants: keys(participants),
  };
}

/** Proofs that verify, then proofs that do not, each for one reason. */
export function outcomeProofVectors(): readonly ProofVector[] {
  return [
    ...valid(),
    ...forged(),
    ...unfounded(),
    ...uninvited(),
    ...changed(),
    ...inBatches(),
    ...twoSteps(),
  ];
}

function valid(): ProofVector[] {
  const rollback = [0, 1].map((i) => evidence.completion(i, { decision: 'rollback' }));
  const behind = invitationsOf(parties, hostA);
  const onward = passedOn(parties, { ...hostA, invitations: behind }, bankB);
  const silent = { registration: evidence.registration('bank-b') };
  return [
    accepted('a commit', commit()),
    accepted('a commit with a read-only participant', commit({ records: pair('readOnly') })),
    accepted('a commit without participants', commit({ records: [] })),
    accepted(
      'a commit with a participant that another one invited',
      commit({ records: [evidence.record('bank-a'), guest({ invitations: [onward] })] }),
    ),
    accepted('an abort for a vote', abort({ reason: 'vote', records: pair('aborted') })),
    accepted(
      'an abort that initiators asked for',
      abort({ reason: 'rollback', completion: rollback }),
    ),
    accepted(
      'an abort for a vote that did not come in time',
      abort({ reason: 'timeout', records: [evidence.record('bank-a'), silent] }),
    ),
  ];
}

function forged(): ProofVector[] {
  const value = commit();
  const { commits } = evidence.decision(value);
  const [first, second, third] = commits.signatures;
  if (!first || !second || !third) throw new RangeError('a quorum of three');
  const signatures = (...of: (typeof first)[]) => ({
    commits: { ...commits, signatures: of },
    value,
  });
  const stranger = new Evidence(testCluster({ id: 'other' }));
  return [
    refusedProof('commits of two replicas, where a quorum is three', signatures(first, second)),
    refusedProof(
      'a signature of another replica',
      signatures(first, second, { ...third, signature: second.signature }),
    ),
    refusedProof('another value than the replicas signed', {
      commits,
      value: commit({ records: [] }),
    }),
    refusedProof('prepares in place of commits', {
      commits: evidence.certificate(evidence.phase('prepare', value), upTo(3)),
      value,
    }),
    refusedProof('a proof of another cluster', stranger.decision(stranger.commitValue())),
  ];
}

/** As all but two replicas prepared, at the first attempt of a view; closed by a quorum. */
function twoSteps(): ProofVector[] {
  const closed = evidence.closed(commit());
  const { closing } = closed;
  if (!closing) throw new RangeError('closed, and not closed');
  const fast = (replicas: readonly number[], number = 0, value = closed): DecisionProof => {
    const over = { ballot: { view: view(0), attempt: attempt(number) } };
    return {
      commits: evidence.certificate(evidence.phase('prepare', value, over), replicas),
      value,
    };
  };
  const inTwo = (vector: ProofVector): ProofVector => ({ ...vector, agreement: 'two-step' });
  const proves = accepted('', closed).proves;
  const few = { ...closing, signatures: closing.signatures.slice(1) };
  return [
    inTwo(accepted('two steps: a commit', closed)),
    inTwo({ name: 'two steps: prepares', proof: encodeDecisionProof(fast([1, 2])), proves }),
    inTwo({
      name: 'two steps: more prepares',
      proof: encodeDecisionProof(fast([1, 2, 3])),
      proves,
    }),
    inTwo(accepted('two steps: a commit that nobody has closed', commit())),
    inTwo(refusedProof('two steps: prepares of two replicas too few', fast([1]))),
    inTwo(refusedProof('two steps: a prepare of the primary', fast([0, 1]))),
    inTwo(refusedProof('two steps: prepares at a second attempt', fast([1, 2], 1))),
    inTwo(refused('two steps: closed by two', { ...closed, closing: few })),
    inTwo(
      refused('two steps: closed with another registration', {
        ...closed,
        records: [evidence.record('bank-a')],
      }),
    ),
    inTwo(
      refused('two steps: a closed abort', {
        ...abort({ reason: 'vote', records: pair('aborted') }),
        closing,
      }),
    ),
    refusedProof('three phases: prepares', fast([1, 2], 0, commit())),
    refused('three phases: a commit that a quorum has closed', closed),
  ];
}

/** Each signature is for several texts, of which a proof holds one. */
function inBatches(): ProofVector[] {
  const of = (count: number, index: number) =>
    new Evidence(signingInBatches(parties, count, index)).decision(commitIn(count, index));
  const commitIn = (count: number, index: number) => {
    const batches = new Evidence(signingInBatches(parties, count, index));
    return batches.commitValue({
      records: ['bank-a', 'bank-b'].map((bank) => batches.record(bank)),
    });
  };
  const proof = of(5, 0);
  const [first, ...others] = proof.commits.signatures;
  if (!first) throw new RangeError('a quorum of three');
  const changedTo = (change: (signature: Uint8Array) => void): DecisionProof => {
    const signature = Uint8Array.from(first.signature);
    change(signature);
    return {
      ...proof,
      commits: { ...proof.commits, signatures: [{ ...first, signature }, ...others] },
    };
  };
  const provesCommit = accepted('', commit()).proves;
  return [
    {
      name: 'a commit, signatures of two texts',
      proof: encodeDecisionProof(of(2, 1)),
      proves: provesCommit,
    },
    {
      name: 'a commit, signatures of five texts',
      proof: encodeDecisionProof(proof),
      proves: provesCommit,
    },
    {
      name: 'a commit, signatures of sixteen texts',
      proof: encodeDecisionProof(of(16, 15)),
      proves: provesCommit,
    },
    refusedProof(
      'a path with another hash',
      changedTo((it) => it.set([1, 2, 3], 70)),
    ),
    refusedProof(
      'another number of texts than was signed, with as long a path',
      changedTo((it) => it.set([6], 64)),
    ),
    refusedProof(
      'another place than the text has, with as long a path',
      changedTo((it) => it.set([1], 65)),
    ),
  ];
}

/** A quorum signed each of these, and a correct replica would not have. */
function unfounded(): ProofVector[] {
  const twice = [evidence.completion(0), evidence.completion(0)];
  return [
    refused(
      'a commit that one initiator asked for',
      commit({ completion: [evidence.completion(0)] }),
    ),
    refused('a commit that one initiator asked for twice', commit({ completion: twice })),
    refused('a commit with a vote to abort', commit({ records: pair('aborted') })),
    refused(
      'a commit without the vote of a participant',
      commit({
        records: [evidence.record('bank-a'), { registration: evidence.registration('bank-b') }],
      }),
    ),
    refused('an abort for a vote to abort that is not there', abort({ reason: 'vote' })),
    refused('an abort that nobody asked for', abort({ reason: 'rollback' })),
    refused('an abort without a reason', abort({})),
    refused(
      'an abort for a timeout, with a completion request',
      abort({ reason: 'timeout', completion: [evidence.completion(0)] }),
    ),
  ];
}

function uninvited(): ProofVector[] {
  const one = invitationBy(parties, 0, { tid, participant: bankB });
  const crowd = [1, 2].map((index) => {
    const enlistment = enlistmentId(`bank-b.D-${index}`);
    const invitations = invitationsOf(parties, { tid, participant: bankB, places: 1 });
    return {
      registration: evidence.registration('bank-b', { enlistment, invitations }),
      vote: evidence.vote('bank-b', 'prepared', { enlistment }),
    };
  });
  return [
    refused(
      'a participant without an invitation',
      commit({ records: [guest({ invitations: [] })] }),
    ),
    refused(
      'a participant that one initiator invited',
      commit({ records: [guest({ invitations: [one] })] }),
    ),
    refused('more enlistments than the invitations allow', commit({ records: crowd })),
    refused(
      'a participant that an uninvited one invited',
      commit({
        records: [
          guest({ invitations: [passedOn(parties, { ...hostA, invitations: [] }, bankB)] }),
        ],
      }),
    ),
  ];
}

function changed(): ProofVector[] {
  const bytes = encodeDecisionProof(evidence.decision(commit()));
  const places = [0, 12, 300, Math.floor(bytes.length / 2), bytes.length - 1];
  const flipped = places.map((at) => ({
    name: `one bit changed at byte ${at}`,
    proof: bytes.map((byte, index) => (index === at ? byte ^ 1 : byte)),
    proves: null,
  }));
  const longer = new Uint8Array([...bytes, 0]);
  return [
    ...flipped,
    { name: 'a byte too many', proof: longer, proves: null },
    { name: 'a byte too few', proof: bytes.slice(0, -1), proves: null },
  ];
}

function accepted(name: string, value: OutcomeValue): ProofVector {
  const votes = value.records.map(({ registration, vote }) => [
    registration.statement.enlistment,
    vote?.statement.vote ?? null,
  ]);
  return {
    name,
    proof: encodeDecisionProof(evidence.decision(value)),
    proves: {
      tid: tid.replaceAll('-', ''),
      outcome: value.outcome,
      reason: value.reason ?? 'none',
      votes: Object.fromEntries(votes),
    },
  };
}

function refused(name: string, value: OutcomeValue): ProofVector {
  return refusedProof(name, evidence.decision(value));
}

function refusedProof(name: string, proof: DecisionProof): ProofVector {
  return { name, proof: encodeDecisionProof(proof), proves: null };
}
