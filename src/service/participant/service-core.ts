import type { CommonOutput, Core, StoredRecord, TimerInput } from '../../kernel/core.js';
import type {
  ApplicationWrite,
  EnlistmentRef,
  ParticipantInput,
  ParticipantOptions,
  ParticipantOutput,
} from '../../transaction/participant/messages.js';
import { Participant } from '../../transaction/participant/participant.js';
import type { ServiceOperation } from './operations.js';
import { UsedRequests } from './used-requests.js';

/** What the core of a participant of one's own takes. */
export type ServiceInput =
  | ParticipantInput<ServiceOperation>
  /** These records are of no use any more. */
  | { readonly kind: 'drop'; readonly keys: readonly string[] };

type Output = ParticipantOutput<ServiceOperation> | CommonOutput;
type Outputs = readonly Output[];

/**
 * The core of a participant of one's own: what its client permits is done once. A request whose permit was used is
 * refused in another transaction, and so is an older one of the same client id; in its own transaction no more calls
 * count as permitted than the client agreed to.
 */
export class ServiceCore implements Core<ServiceInput, ParticipantOutput<ServiceOperation>> {
  readonly #participant: Participant<ServiceOperation>;
  readonly #used = new UsedRequests();

  constructor(options: ParticipantOptions) {
    this.#participant = new Participant(options);
  }

  /** Throws `RangeError` where a record is damaged. */
  restore(records: readonly StoredRecord[]): Outputs {
    this.#used.restore(records);
    return this.#seen(this.#participant.restore(records));
  }

  handle(input: ServiceInput | TimerInput): Outputs {
    if (input.kind === 'drop') return input.keys.map((key) => persist({ key, value: null }));
    if (input.kind !== 'voted' || input.vote.vote !== 'prepared') {
      return this.#seen(this.#participant.handle(input));
    }
    const writes = this.#used.use(input.ref);
    const voted = writes ? input : { ...input, vote: { vote: 'aborted' } as const };
    return [...(writes ?? []).map(persist), ...this.#seen(this.#participant.handle(voted))];
  }

  #seen(outputs: Outputs): Outputs {
    return outputs.flatMap((output) => this.#see(output));
  }

  #see(output: Output): Outputs {
    switch (output.kind) {
      case 'execute':
        return this.#execute(output.ref, output.operation);
      case 'commit':
      case 'roll-back':
        this.#used.release(output.ref);
        return [output];
      case 'send-vote': {
        const { tid, enlistment, vote } = output.statement.statement;
        if (vote !== 'prepared') this.#used.release({ tid, enlistment });
        return [output];
      }
      default:
        return [output];
    }
  }

  #execute(ref: EnlistmentRef, operation: ServiceOperation): Outputs {
    const { request, operation: name, payload } = operation;
    if (request.permits === 0) return [{ kind: 'execute', ref, operation }];
    if (!this.#used.isOpen(request, ref.tid)) {
      const result = { kind: 'refused', reason: 'RequestUsed' } as const;
      return this.handle({ kind: 'executed', ref, result });
    }
    const what = JSON.stringify([name, payload]);
    if (this.#used.permitsMore(ref, request, what)) {
      this.#used.hold(ref, request, what);
      return [{ kind: 'execute', ref, operation }];
    }
    const unpermitted = { ...operation, request: { ...request, permits: 0 } };
    return [{ kind: 'execute', ref, operation: unpermitted }];
  }
}

function persist({ key, value }: ApplicationWrite): CommonOutput {
  return { kind: 'persist', key, value };
}
