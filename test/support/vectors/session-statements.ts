import { digestOfText } from '../../../src/kernel/digest.js';
import { clientId, type Digest, replicaId } from '../../../src/kernel/ids.js';
import { digestOfStanding } from '../../../src/session/proof.js';
import { firstHistory } from '../../../src/session/run.js';
import type {
  CallResult,
  SessionId,
  SessionStanding,
  SessionStatement,
  SessionTransfer,
} from '../../../src/session/types.js';
import { transfer } from '../session-orders.js';
import { vectorCluster } from './outcome-proofs.js';

export interface StatementVector {
  readonly name: string;
  readonly statement: SessionStatement;
}

const before = firstHistory(vectorCluster.id);
const named = (what: string): Digest => digestOfText(`vectors/${what}`);
export const vectorSession = named('session') as SessionId;
const operation = {
  session: vectorSession,
  sequence: 7,
  head: named('head'),
  result: named('result'),
};
const standing: SessionStanding = { next: 8, head: named('head'), since: 3 };

/** One of each kind, and of each choice within. */
export const statementVectors: readonly StatementVector[] = [
  {
    name: 'a receipt',
    statement: {
      kind: 'receipt',
      ...operation,
      base: 0,
      baseHistory: before,
      deadline: 40,
      replica: replicaId(1),
    },
  },
  {
    name: 'a receipt with the largest numbers',
    statement: {
      kind: 'receipt',
      ...operation,
      sequence: Number.MAX_SAFE_INTEGER,
      base: Number.MAX_SAFE_INTEGER - 1,
      baseHistory: named('history'),
      deadline: Number.MAX_SAFE_INTEGER,
      replica: replicaId(63),
    },
  },
  { name: 'a witness', statement: { kind: 'witness', ...operation, replica: replicaId(2) } },
  {
    name: 'the history’s first position',
    statement: { kind: 'history', position: 1, before, root: named('root') },
  },
  {
    name: 'an attestation of a session',
    statement: {
      kind: 'attestation',
      subject: { kind: 'session', session: vectorSession },
      value: digestOfStanding(standing),
      position: 12,
    },
  },
  attestation('an attestation of a key of a state', 'package/P-1', named('value')),
  attestation('an attestation of a key that has no value', 'package/P-2', null),
  attestation('an attestation of a key that is not ASCII', 'Łódź/数/📦', named('value')),
  attestation('an attestation of an empty key', '', null),
  {
    name: 'an order',
    statement: {
      kind: 'order',
      lane: 0,
      number: 1,
      owner: clientId('alice'),
      transfers: named('transfers'),
    },
  },
  {
    name: 'an order of a client’s lane',
    statement: {
      kind: 'order',
      lane: 31,
      number: 300,
      owner: clientId('alice/7'),
      transfers: named('transfers'),
    },
  },
  report('a report of an order that was committed', { kind: 'committed' }),
  report('a report of one that was aborted', { kind: 'aborted', reason: 'refused by bank-b' }),
  report('a report with a reason that is not ASCII', { kind: 'aborted', reason: 'odmówił — 拒否' }),
];

function attestation(name: string, key: string, value: Digest | null): StatementVector {
  const subject = { kind: 'state', application: 'supply-chain', key } as const;
  return { name, statement: { kind: 'attestation', subject, value, position: 12 } };
}

function report(
  name: string,
  outcome: Extract<SessionStatement, { readonly kind: 'order-report' }>['outcome'],
): StatementVector {
  const statement = { kind: 'order-report', lane: 3, number: 2, outcome } as const;
  return { name, statement: { ...statement, replica: replicaId(0) } };
}

/** Of which statements hold digests. */
export const resultVectors: readonly { readonly name: string; readonly result: CallResult }[] = [
  { name: 'a result', result: { kind: 'done', result: '{"at":"Łódź"}' } },
  { name: 'an empty result', result: { kind: 'done', result: '' } },
  { name: 'a reason', result: { kind: 'rejected', reason: 'no such package: 数📦' } },
];

export const transferVectors: readonly {
  readonly name: string;
  readonly transfers: readonly SessionTransfer[];
}[] = [
  { name: 'one transfer', transfers: [transfer('bank-a/alice', 'bank-b/bob', 1250)] },
  {
    name: 'three transfers, with an account that is not ASCII',
    transfers: [
      transfer('bank-a/alice', 'bank-b/bob', 1),
      transfer('bank-a/Żaneta 数', 'bank-a/bob', Number.MAX_SAFE_INTEGER, 'USD'),
      transfer('bank-b/bob', 'bank-a/alice', 70_000),
    ],
  },
  { name: 'no transfers', transfers: [] },
];

export const standingVectors: readonly {
  readonly name: string;
  readonly standing: SessionStanding;
}[] = [
  { name: 'a session that has come some way', standing },
  { name: 'a session at its beginning', standing: { next: 1, head: vectorSession, since: 0 } },
];
