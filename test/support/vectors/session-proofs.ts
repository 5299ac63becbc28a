import {
  digestOfHistory,
  digestOfResult,
  digestOfStanding,
  digestOfTransfers,
} from '../../../src/session/proof.js';
import { encodeCallResult, encodeTransfers, firstHistory } from '../../../src/session/run.js';
import { encodeSessionStatement } from '../../../src/session/statement.js';
import { operationProofVectors, type SessionProofVector } from './operation-proofs.js';
import { vectorCluster } from './outcome-proofs.js';
import { runJson, runVectors } from './session-runs.js';
import {
  resultVectors,
  standingVectors,
  statementVectors,
  transferVectors,
} from './session-statements.js';
import { stateProofVectors } from './state-proofs.js';

const { id } = vectorCluster;

/** Proofs that verify, and proofs that do not, each for one reason. */
export function sessionProofVectors(): readonly SessionProofVector[] {
  return [...operationProofVectors(), ...stateProofVectors()];
}

/** All vectors of sessions, as the file has them. */
export function sessionVectorsJson(): Readonly<Record<string, readonly object[]>> {
  return {
    runs: runVectors().map(runJson),
    statements: statementVectors.map(({ name, statement }) => ({
      name,
      statement,
      bytes: hex(encodeSessionStatement(id, statement)),
    })),
    results: resultVectors.map(({ name, result }) => ({
      name,
      result,
      bytes: hex(encodeCallResult(result)),
      digest: digestOfResult(result),
    })),
    transfers: transferVectors.map(({ name, transfers }) => ({
      name,
      transfers,
      bytes: hex(encodeTransfers(transfers)),
      digest: digestOfTransfers(transfers),
    })),
    standings: standingVectors.map(({ name, standing }) => ({
      name,
      standing,
      digest: digestOfStanding(standing),
    })),
    histories: [
      { name: 'before the first position', statement: null, digest: firstHistory(id) },
      ...statementVectors.flatMap(({ name, statement }) =>
        statement.kind === 'history'
          ? [{ name: `after ${name}`, statement, digest: digestOfHistory(id, statement) }]
          : [],
      ),
    ],
    proofs: sessionProofVectors().map(({ name, proves, proof }) => ({ name, proves, proof })),
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
