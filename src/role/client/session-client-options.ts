import type { OperationStatus } from '../../core/session/messages.js';
import type { Cluster } from '../../vocabulary/cluster.js';
import type { Credentials } from '../soap-identity.js';
import type { PatienceOptions } from './patience.js';

export interface SessionClientOptions {
  readonly cluster: Cluster;
  /** The owner's own name, certificate and key. */
  readonly node: Credentials & { readonly name: string };
  readonly application: string;
  /** Name of the coordinator to begin at; any unless given. Throws `RangeError` where there is none. */
  readonly home?: string;
  /** For one answer of a coordinator; 4000 unless given. */
  readonly answerTimeoutMs?: number;
  /** An operation without an answer from any coordinator for so long fails; 60 000 unless given. */
  readonly giveUpAfterMs?: number;
  /** What is not final after so long goes to another one; 8000 unless given. */
  readonly finalAfterMs?: number;
  /** Told all that is learned of operations, once it is checked. */
  readonly onStatus?: (sequence: number, status: OperationStatus) => void;
  /** Told when another coordinator takes the place of the home, and why. */
  readonly onHome?: (name: string, reason: string) => void;
}

export function patienceOptions(options: SessionClientOptions): PatienceOptions {
  const { answerTimeoutMs = 4000, finalAfterMs = 8000, giveUpAfterMs = 60_000 } = options;
  return { answerAfterMs: 2 * answerTimeoutMs, finalAfterMs, giveUpAfterMs };
}
