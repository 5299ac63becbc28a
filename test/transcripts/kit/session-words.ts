import type { ClusterId } from '../../../src/kernel/ids.js';
import { unreachable } from '../../../src/kernel/ids.js';
import type { OrderingRequest } from '../../../src/ordering/types.js';
import type { OperationStatus, SessionEvent } from '../../../src/session/core/outbox.js';
import type { SessionFetch, SessionMessage } from '../../../src/session/message.js';
import { decodeSessionRequest } from '../../../src/session/request.js';
import type { CallResult, SessionRun } from '../../../src/session/types.js';
import { lastOf } from '../../../src/session/types.js';
import type { Names } from './names.js';

/** What session replicas say to each other and to owners, in words. */
export class SessionWords {
  readonly #cluster: ClusterId;
  readonly #names: Names;
  /** Names the session of a run. */
  readonly #sessionOf: (run: SessionRun) => string;

  constructor(cluster: ClusterId, names: Names, sessionOf: (run: SessionRun) => string) {
    this.#cluster = cluster;
    this.#names = names;
    this.#sessionOf = sessionOf;
  }

  message(message: SessionMessage): string {
    switch (message.kind) {
      case 'run': {
        const receipts = message.receipts.map(({ statement }) => statement.sequence).join(' ');
        return `run ${this.run(message.run)}${receipts && `, receipts of ${receipts}`}`;
      }
      case 'witness': {
        const [first] = message.witnesses;
        const numbers = message.witnesses.map(({ statement }) => statement.sequence).join(' ');
        return `witness ${first && this.#names.of('s', first.statement.session)}: ${numbers}`;
      }
      case 'history':
        return `history at ${message.history.statement.position}`;
      case 'final': {
        const { certificate, outcomes } = message;
        const from = certificate.signatures.map(({ replica }) => replica).join(' ');
        return `final ${certificate.statement.position} by ${from}: ${outcomes.length} outcomes`;
      }
      case 'certificate': {
        const { statement, signatures } = message.certificate;
        return `certificate of ${statement.position} by ${signatures.map(({ replica }) => replica).join(' ')}`;
      }
      case 'order': {
        const { lane, number } = message.order.statement;
        return `order ${lane}/${number}`;
      }
      case 'attest':
      case 'attestation':
        return message.kind;
      case 'fetch':
        return `fetch ${this.#fetch(message.what)}`;
      default:
        return unreachable(message);
    }
  }

  /** A request to an ordering engine. */
  request({ payload }: OrderingRequest): string {
    const request = decodeSessionRequest(this.#cluster, payload);
    if (request.kind === 'report') return 'report of an order';
    return `(${this.#span(request.run)} by ${request.submitter})`;
  }

  /** `s1 1-2 "add a 1" "add a 1"`. */
  run(run: SessionRun): string {
    const calls = run.operations.map((one) => (one.kind === 'call' ? `"${one.payload}"` : 'end'));
    return `${this.#span(run)} ${calls.join(' ')}`;
  }

  event(event: SessionEvent): string {
    return event.kind === 'doubted'
      ? `operation ${event.sequence} doubted by ${event.by}`
      : this.status(event.sequence, event.status);
  }

  status(sequence: number, status: OperationStatus): string {
    return `operation ${sequence} ${status.kind}, ${resultWords(status.result)}`;
  }

  #span(run: SessionRun): string {
    const last = lastOf(run);
    const numbers = last === run.first ? `${last}` : `${run.first}-${last}`;
    return `${this.#sessionOf(run)} ${numbers}`;
  }

  #fetch(what: SessionFetch): string {
    switch (what.kind) {
      case 'run':
        return `run ${this.#names.of('s', what.session)} from ${what.next}`;
      case 'final':
        return `final ${what.position}`;
      case 'order':
        return `order ${what.lane}/${what.number}`;
      default:
        return unreachable(what);
    }
  }
}

function resultWords(result: CallResult): string {
  return result.kind === 'done' ? `result "${result.result}"` : `rejected: ${result.reason}`;
}
