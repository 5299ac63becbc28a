import { digest } from '../../kernel/ids.js';
import type { Json } from '../../service/json.js';
import { type OperationHandlers, Refusal } from '../../service/participant/operations.js';
import type { LeftWork, Resource } from '../../service/participant/resource.js';
import type {
  ApplicationVote,
  ApplicationWrite,
  EnlistmentRef,
} from '../../transaction/participant/messages.js';
import type { EnlistedInput, GatewayAnswer } from '../core/messages.js';

/** An input without the handle of its caller. */
export type Question<Input> = Input extends unknown ? Omit<Input, 'call'> : never;
export type Ask = (question: Question<EnlistedInput>) => Promise<GatewayAnswer>;

/** The plain participants, as what the gateway's participant keeps its data in. */
export class PlainResource implements Resource<EnlistmentRef> {
  readonly #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** The gateway has them on its own disk. What it holds prepared and the participant does not has no vote. */
  async start({ prepared }: LeftWork): Promise<void> {
    const answer = await this.#ask({ kind: 'held', refs: prepared.map(({ ref }) => ref) });
    if (answer.kind !== 'accepted') throw new Error('the gateway takes nothing now');
  }

  async begin(ref: EnlistmentRef): Promise<EnlistmentRef> {
    return ref;
  }

  async prepare(ref: EnlistmentRef): Promise<ApplicationVote> {
    const answer = await this.#ask({ kind: 'prepare', ref });
    if (answer.kind !== 'vote') throw new Error('the gateway gave no vote');
    const { vote } = answer;
    return vote === 'prepared' ? { vote, record: new Uint8Array() } : { vote };
  }

  async commit(ref: EnlistmentRef): Promise<readonly ApplicationWrite[]> {
    await this.#settle('commit', ref);
    return [];
  }

  rollBack(ref: EnlistmentRef): Promise<void> {
    return this.#settle('roll-back', ref);
  }

  async close(): Promise<void> {}

  async #settle(kind: 'commit' | 'roll-back', ref: EnlistmentRef): Promise<void> {
    const answer = await this.#ask({ kind, ref });
    if (answer.kind !== 'settled') throw new Error('the gateway stops');
  }
}

/** What initiators call the gateway's participant for: only on behalf of the gateway itself. */
export function enlistOperation(ask: Ask, client: string): OperationHandlers<EnlistmentRef> {
  return {
    enlist: async (ref, call) => {
      if (call.client !== client) throw new Refusal('NotTheGateway');
      const answer = await ask({ kind: 'enlist', ref, digest: digestIn(call.payload) });
      if (answer.kind !== 'accepted') throw new Refusal('UnknownParticipant');
    },
  };
}

function digestIn(payload: Json) {
  try {
    if (typeof payload === 'string') return digest(payload);
  } catch {
    // Refused below.
  }
  throw new Refusal('UnknownParticipant');
}
