import type { PeerMessage } from '../../../src/agreement/messages.js';
import type { TimerInput } from '../../../src/kernel/core.js';
import { unreachable } from '../../../src/kernel/ids.js';
import type {
  CoordinatorInput,
  CoordinatorOutput,
} from '../../../src/transaction/coordinator/core/messages.js';
import type { Rig } from '../../support/rig.js';
import { AgreementWords } from './agreement-words.js';
import { Names } from './names.js';
import type { Recorder } from './recorder.js';
import { othersThan, Watch } from './watch.js';

type Output<Kind extends CoordinatorOutput['kind']> = Extract<
  CoordinatorOutput,
  { readonly kind: Kind }
>;

/** Records what the parties of a rig send each other, what replicas write, and whose timers run out. */
export class TransactionWatch {
  readonly names = new Names();
  readonly words = new AgreementWords(this.names);
  readonly #rig: Rig;
  readonly #recorder: Recorder;
  readonly #watch: Watch;

  constructor(rig: Rig, recorder: Recorder) {
    this.#rig = rig;
    this.#recorder = recorder;
    this.#watch = new Watch(recorder, (key) => this.names.inKey(key));
    const handle = rig.input.bind(rig);
    rig.input = (replica, input) => {
      this.#onInput(replica, input);
      handle(replica, input);
    };
    rig.tamper = (_from, to, message) => {
      return this.losses.include(to, this.words.message(message)) ? [] : [message];
    };
    rig.onStep = (replica, outputs) => {
      this.#watch.onStep(replica, outputs, (output) => this.#onOutput(replica, output));
    };
  }

  get losses(): Watch['losses'] {
    return this.#watch.losses;
  }

  #onInput(replica: number, input: CoordinatorInput | TimerInput): void {
    this.#watch.onInput(input);
    if (input.kind === 'timer' || !this.#rig.alive.has(replica)) return;
    const said = this.words.input(input);
    if (said) this.#recorder.add(said.from, said.text, [replica]);
  }

  #onOutput(replica: number, output: CoordinatorOutput): void {
    const { names } = this;
    switch (output.kind) {
      case 'start-timer':
      case 'stop-timer':
      case 'persist':
      case 'log':
        return this.#watch.onCommon(replica, output);
      case 'decided':
        return;
      case 'send':
        return this.#onSend(replica, [output.to], output.message);
      case 'broadcast':
        return this.#onSend(replica, othersThan(replica, this.#rig.n), output.message);
      case 'send-proof': {
        const proof = this.#rig.decision(replica, output.slot);
        return proof && this.#onSend(replica, [output.to], { kind: 'decided', proof });
      }
      case 'activated':
        return this.#answer(replica, output, `activated ${names.transaction(output.tid)}`);
      case 'refused':
        return this.#answer(replica, output, `refused: ${output.fault}`);
      case 'registered': {
        const { tid, participant } = output.registration;
        const text = `registered in ${names.transaction(tid)}`;
        return this.#recorder.add(replica, text, [participant]);
      }
      case 'notify-participant':
        return this.#onNotice(replica, output);
      case 'notify-initiator': {
        const text = `${output.outcome} of ${names.transaction(output.tid)}, with its certificate`;
        return this.#recorder.add(replica, text, [`i${output.initiator}`]);
      }
      case 'fault-initiator': {
        const text = `${output.fault} of ${names.transaction(output.tid)}`;
        return this.#recorder.add(replica, text, [`i${output.initiator}`]);
      }
      case 'fault-participant':
        return this.#recorder.add(replica, output.fault, [output.registration.participant]);
      case 'answer-unknown':
        return this.#recorder.add(replica, output.answer, [output.vote.participant]);
      default:
        return unreachable(output);
    }
  }

  #onSend(replica: number, to: readonly number[], message: PeerMessage): void {
    this.#watch.onSend(replica, to, this.words.message(message));
  }

  #onNotice(replica: number, output: Output<'notify-participant'>): void {
    const { notice, registration, certificate, completion } = output;
    const completions = completion?.map(({ statement }) => `i${statement.initiator}`).join(' ');
    const proof = completions && `, with completions of ${completions}`;
    const shown = certificate ? ', with its certificate' : (proof ?? '');
    const text = `${notice} ${this.names.transaction(registration.tid)}${shown}`;
    this.#recorder.add(replica, text, [registration.participant]);
  }

  /** The reply's name is `replica/initiator/timestamp`, or `replica/enlistment`. */
  #answer(replica: number, output: Output<'activated' | 'refused'>, text: string): void {
    const [, asker = '', timestamp] = output.replyId.split('/');
    const to = timestamp === undefined ? asker.slice(0, asker.lastIndexOf('.')) : `i${asker}`;
    this.#recorder.add(replica, text, [to]);
  }
}
