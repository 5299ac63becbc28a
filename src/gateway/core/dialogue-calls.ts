import type { CallId } from '../../transaction/participant/messages.js';
import { answer, refused } from './answers.js';
import type {
  ActivityKey,
  CallAnswer,
  CompletionKey,
  DialogueCall,
  EnlistmentKey,
  GatewayAnswer,
} from './messages.js';
import type { Outputs } from './plain-participant.js';

/** What plain software asked for, by its own name for that: asked again, it gets the same answer. */
interface Asked {
  /** The participant whose enlistment it is; undefined for a call of a participant of the cluster. */
  readonly key: EnlistmentKey | undefined;
  waiting: CallId[];
  answer: GatewayAnswer | undefined;
}

export interface NewCall {
  readonly service: DialogueCall;
  readonly call: CallId;
  readonly name: string;
  readonly key: EnlistmentKey | undefined;
}

/** The calls of one dialogue, and the plain software that waits for what comes of them. */
export class DialogueCalls {
  readonly #activity: ActivityKey;
  readonly #callsMax: number;
  readonly #asked = new Map<string, Asked>();
  readonly #byNumber = new Map<number, Asked>();

  constructor(activity: ActivityKey, callsMax: number) {
    this.#activity = activity;
    this.#callsMax = callsMax;
  }

  get isFull(): boolean {
    return this.#byNumber.size >= this.#callsMax;
  }

  get areAnswered(): boolean {
    return [...this.#byNumber.values()].every(({ answer: said }) => said !== undefined);
  }

  /** Undefined where nothing of this name was asked for. */
  again(name: string, call: CallId): Outputs | undefined {
    const asked = this.#asked.get(name);
    if (asked === undefined) return undefined;
    if (asked.answer !== undefined) return answer(call, asked.answer);
    asked.waiting.push(call);
    return [];
  }

  /** What needs no call. */
  remember(name: string, key: EnlistmentKey | CompletionKey): GatewayAnswer {
    const registered = { kind: 'registered', key } as const;
    this.#asked.set(name, { key: undefined, waiting: [], answer: registered });
    return registered;
  }

  make({ service, call, name, key }: NewCall): Outputs {
    const number = this.#byNumber.size;
    const asked: Asked = { key, waiting: [call], answer: undefined };
    this.#asked.set(name, asked);
    this.#byNumber.set(number, asked);
    return [{ kind: 'call', activity: this.#activity, number, service }];
  }

  /** `isLost`: the transaction can only be rolled back. */
  called(number: number, result: CallAnswer | undefined) {
    const asked = this.#byNumber.get(number);
    if (asked === undefined || asked.answer !== undefined) return { outputs: [], isLost: false };
    const said = answerOf(asked.key, result);
    asked.answer = said;
    const outputs: Outputs = asked.waiting.flatMap((call) => answer(call, said));
    asked.waiting = [];
    return { outputs, isLost: said.kind === 'refused' };
  }
}

function answerOf(key: EnlistmentKey | undefined, result: CallAnswer | undefined): GatewayAnswer {
  if (result === undefined) return refused('failed');
  if (key !== undefined) {
    return result.kind === 'done' ? { kind: 'registered', key } : refused('failed');
  }
  return result.kind === 'done' ? result : { kind: 'no', reason: result.reason };
}
