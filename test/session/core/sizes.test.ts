import { describe, expect, it } from 'vitest';
import { limits } from '../../../src/kernel/codec/limits.js';
import { clientId, replicaId } from '../../../src/kernel/ids.js';
import { orderingLimits } from '../../../src/ordering/fields.js';
import { OutcomeTree } from '../../../src/session/check-proof.js';
import { laneOf } from '../../../src/session/core/machine/lanes.js';
import { SessionMachine } from '../../../src/session/core/machine/machine.js';
import { positionLimits } from '../../../src/session/core/machine/resources.js';
import { answerJson, readAnswer } from '../../../src/session/http/status-json.js';
import { decodeSessionMessage, encodeSessionMessage } from '../../../src/session/message.js';
import {
  decodeOutcomeProof,
  decodeStateProof,
  encodeCertifiedOrder,
  encodeOutcomeProof,
  encodeStateProof,
  signSession,
} from '../../../src/session/proof.js';
import { encodeSessionRequest, orderingRequest } from '../../../src/session/request.js';
import { encodeRun, sessionWireLimits } from '../../../src/session/run.js';
import {
  type HistoryStatement,
  type OperationOutcome,
  type SessionCertificate,
  type SessionStatement,
  sessionLimits,
} from '../../../src/session/types.js';
import { sessionParties, type TestSession } from '../../support/session-owner.js';
import { SessionRig } from '../../support/session-rig.js';
import { WordApplication } from '../../support/word-application.js';

const parties = sessionParties();
const { id: cluster } = parties.cluster;
const digest = parties.owner('alice').begin('words').id;
/** A message may be so large; what is sent stays well below. */
const wellBelow = 0.75 * sessionWireLimits.messageBytes;
const longest = 'x'.repeat(sessionLimits.payloadBytes);

function certified<S extends SessionStatement>(statement: S): SessionCertificate<S> {
  const { bytes, signature } = signSession(parties.replicaSign(0), cluster, statement);
  const signatures = Array.from({ length: limits.replicas }, (_, replica) => ({
    replica: replicaId(replica),
    signature,
  }));
  return { statement, bytes, signatures };
}

/** As many outcomes as a position may have, with results of as many bytes as they may have together. */
function largestPosition(): OperationOutcome[] {
  const last = Number.MAX_SAFE_INTEGER;
  let rest = positionLimits.bytes;
  return Array.from({ length: positionLimits.outcomes }, (_, index) => {
    const result = longest.slice(0, Math.min(rest, longest.length));
    rest -= result.length;
    return {
      session: digest,
      sequence: last - positionLimits.outcomes + index,
      head: digest,
      result: { kind: 'done', result },
    };
  });
}

/** One session in each lane. */
function sessionsByLane(): TestSession[] {
  const found = new Map<number, TestSession>();
  while (found.size < sessionLimits.lanes) {
    const session = parties.owner(`owner-${found.size % 4}`).begin('words');
    found.set(laneOf(session.id), session);
  }
  return [...found].sort(([a], [b]) => a - b).map(([, session]) => session);
}

describe('sizes', () => {
  it('of the largest position: its outcomes fit into one message, and each into a proof', () => {
    const outcomes = largestPosition();
    const { root } = new OutcomeTree(outcomes);
    const position = Number.MAX_SAFE_INTEGER;
    const statement: HistoryStatement = { kind: 'history', position, before: digest, root };
    const certificate = certified(statement);
    const bytes = encodeSessionMessage({ kind: 'final', outcomes, certificate });
    expect(bytes.length).toBeLessThan(wellBelow);
    expect(decodeSessionMessage(cluster, bytes).kind).toBe('final');
    const [outcome] = outcomes as [OperationOutcome];
    const proof = { outcome, path: new OutcomeTree(outcomes).path(0), certificate };
    expect(decodeOutcomeProof(cluster, encodeOutcomeProof(proof)).outcome).toEqual(outcome);
    expect(positionLimits.outcomes).toBeLessThanOrEqual(sessionLimits.outcomes);
  });

  it('of the largest run: it fits into a message with its promises, and into a request', () => {
    const session = parties.owner('alice').begin('words');
    const room = sessionLimits.runBytes - session.header.certificate.length - 400;
    const each = Math.floor(room / sessionLimits.runOperations) - 3;
    const calls = Array.from({ length: sessionLimits.runOperations }, () => 'x'.repeat(each));
    const run = session.call(...calls);
    expect(encodeRun(run).length).toBeGreaterThan(0.99 * sessionLimits.runBytes);
    const receipts = run.operations.map((_, index) =>
      signSession(parties.replicaSign(0), cluster, {
        kind: 'receipt',
        ...{ session: digest, sequence: index + 1, head: digest, result: digest },
        ...{ base: 2 ** 52, baseHistory: digest, deadline: 2 ** 52, replica: replicaId(0) },
      }),
    );
    const bytes = encodeSessionMessage({ kind: 'run', run, receipts });
    expect(bytes.length).toBeLessThan(wellBelow);
    expect(decodeSessionMessage(cluster, bytes).kind).toBe('run');
    const request = encodeSessionRequest({
      ...{ kind: 'run', run, submitter: replicaId(63), attempt: 2 ** 32 - 1 },
    });
    expect(request.length).toBeLessThan(orderingLimits.payloadBytes / 2);
  });

  it('of the largest value and order: their proofs can be written and read', () => {
    const value = 'x'.repeat(sessionLimits.valueBytes);
    const key = 'k'.repeat(sessionLimits.keyBytes);
    const subject = { kind: 'state', application: 'words', key } as const;
    const statement = { kind: 'attestation', subject, value: digest, position: 1 } as const;
    const signed = signSession(parties.replicaSign(0), cluster, statement);
    const attestations = Array.from({ length: limits.replicas }, (_, replica) => ({
      replica: replicaId(replica),
      ...signed,
    }));
    const bytes = encodeStateProof({ application: 'words', key, value, attestations });
    expect(decodeStateProof(cluster, bytes).value).toBe(value);
    const name = 'n'.repeat(limits.nameBytes);
    const account = { bank: name, account: name };
    const transfer = { from: account, to: account, amountMinor: 2 ** 52, currency: 'EUR' };
    const transfers = Array.from({ length: sessionLimits.transfers }, () => transfer);
    const order = certified({
      ...{ kind: 'order', lane: 31, number: 2 ** 52, transfers: digest },
      owner: clientId('o'.repeat(63)),
    });
    expect(encodeCertifiedOrder({ transfers, certificate: order }).length).toBeLessThan(wellBelow);
  });

  it('of a position in which the orders of all lanes end at once, and much waits behind them', () => {
    const machine = new SessionMachine({
      ...{ cluster, resilience: parties.cluster.resilience },
      applications: [new WordApplication()],
    });
    const sessions = sessionsByLane();
    const page = `page ${sessionLimits.payloadBytes}`;
    const runs = sessions.flatMap((session) => [
      session.call('pay a b 1'),
      ...Array.from({ length: 4 }, () => session.call(...Array(63).fill(page))),
    ]);
    machine.apply(
      1,
      runs.map((run) => orderingRequest({ kind: 'run', run, submitter: replicaId(0), attempt: 0 })),
    );
    machine.takeEvents();
    const reports = sessions.flatMap((_, lane) =>
      [0, 1].map((replica) => {
        const statement = {
          kind: 'order-report',
          ...{ lane, number: 1, replica: replicaId(replica) },
          outcome: { kind: 'committed' },
        } as const;
        const report = signSession(parties.replicaSign(replica), cluster, statement);
        return orderingRequest({ kind: 'report', report });
      }),
    );
    machine.apply(2, reports);
    const [outcomes = []] = machine
      .takeEvents()
      .flatMap((event) => (event.kind === 'outcomes' ? [event.outcomes] : []));
    expect(outcomes.length).toBe(sessions.length * (1 + 4 * 63));
    const paid = outcomes.filter(({ sequence }) => sequence === 1);
    // What the banks have done is never refused.
    expect(new Set(paid.map(({ result }) => JSON.stringify(result)))).toEqual(
      new Set([JSON.stringify({ kind: 'done', result: 'paid 1' })]),
    );
    const certificate = certified({ kind: 'history', position: 2, before: digest, root: digest });
    const bytes = encodeSessionMessage({ kind: 'final', outcomes, certificate });
    expect(bytes.length).toBeLessThan(wellBelow);
    const refused = outcomes.filter(({ result }) => result.kind === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]?.result).toMatchObject({ reason: expect.stringContaining('call again') });
  });

  it('of an answer: it holds as many statuses as a client reads, and the rest is asked for', () => {
    const rig = new SessionRig();
    rig.tamperOrdering = () => [];
    const session = rig.parties.owner('alice').begin('words');
    // Bytes that JSON writes as six.
    rig.run(0, session.call(`put a ${'\u0001'.repeat(16_000)}`));
    rig.run(0, session.call(...Array(11).fill('get a')));
    for (let run = 0; run < 4; run += 1) rig.run(0, session.call(...Array(60).fill('get a')));
    const seen: number[] = [];
    while (seen.length < 252) {
      const from = (seen.at(-1) ?? 0) + 1;
      const answer = rig.ask(0, { kind: 'status', session: session.id, from });
      if (answer?.kind !== 'answer') throw new Error('no answer');
      const text = JSON.stringify(answerJson(answer));
      expect(text.length).toBeLessThan(8 * 1024 * 1024);
      expect(readAnswer(rig.parties.cluster.id, JSON.parse(text)).next).toBe(253);
      expect(answer.statuses.length).toBeGreaterThan(0);
      seen.push(...answer.statuses.map(({ sequence }) => sequence));
    }
    expect(seen).toEqual(Array.from({ length: 252 }, (_, index) => index + 1));
  });
});
