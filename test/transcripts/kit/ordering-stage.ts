import type { TimerInput } from '../../../src/kernel/core.js';
import { unreachable } from '../../../src/kernel/ids.js';
import { AntipaxosEngine } from '../../../src/ordering/core/antipaxos/engine.js';
import type { OrderingInput, OrderingOutput } from '../../../src/ordering/core/engine.js';
import type { OrderingMessage } from '../../../src/ordering/types.js';
import { productionEngines } from '../../simulation/ordering/engines.js';
import { OrderingRig } from '../../support/ordering-rig.js';
import { Names } from './names.js';
import { OrderingWords } from './ordering-words.js';
import { Recorder } from './recorder.js';
import { type Commands, numbers, type Stage } from './script.js';
import { othersThan, Watch } from './watch.js';

export type EngineName = 'antipaxos' | 'fab' | 'pbft';

const settleMs = 100;
/** Requests that come within so long go into one batch. */
const batchDelayMs = 1;
const pipelineDepth = 1;

/** Replicas of one ordering engine. Every message takes 1 ms. */
export class OrderingStage implements Stage {
  readonly #rig: OrderingRig;
  readonly #recorder: Recorder;
  readonly #words: OrderingWords;
  readonly #names = new Names();
  readonly #watch: Watch;
  /** How long messages of replicas take that are slow. */
  readonly #slow = new Map<number, number>();
  #hasDecisionModule = true;

  constructor(engine: EngineName, replicas: number) {
    this.#rig = new OrderingRig(
      (own, machine) =>
        productionEngines[engine]({ exclusion: 'S1', timeoutMaxMs: 2000, ...own }, machine),
      { n: replicas, f: Math.floor((replicas - 1) / 3), options: { batchDelayMs, pipelineDepth } },
    );
    this.#rig.latencyMaxMs = this.#rig.latencyMinMs;
    this.#words = new OrderingWords(this.#rig.parties.cluster.id, ({ client, number }) => {
      return `${client}${number}`;
    });
    this.#rig.runFor(settleMs);
    this.#recorder = new Recorder(replicas, () => this.#rig.nowMs);
    this.#watch = new Watch(this.#recorder, (key) => this.#names.inKey(key));
    this.#attach();
  }

  takeLines(): string[] {
    for (const refusal of this.#rig.refused.splice(0)) this.#recorder.note(`refused: ${refusal}`);
    return this.#recorder.take();
  }

  readonly commands: Commands = {
    '<client> submits <number> to <replicas...>': (client, number, replicas) => {
      for (const replica of numbers(replicas)) this.#rig.submit(replica, client, Number(number));
    },
    'run <ms> ms': (ms) => this.#rig.runFor(Number(ms)),
    'run until <replicas...> have delivered <count>': (replicas, count) =>
      this.#rig.runUntil(() => this.#rig.haveApplied(Number(count), numbers(replicas))),
    'run until no process is excluded': () =>
      this.#rig.runUntil(() => {
        return [...this.#rig.alive].every((one) => this.#excludedAt(one) === 'none');
      }),
    'crash <replicas...>': (replicas) => {
      for (const replica of numbers(replicas)) this.#rig.crash(replica);
    },
    'lose <messages...> to <replicas...>': (messages, replicas) => {
      this.#watch.losses.add(messages, numbers(replicas));
    },
    'messages of <replica> take <ms> ms': (replica, ms) => {
      this.#slow.set(Number(replica), Number(ms));
    },
    'hide the decision module': () => {
      this.#hasDecisionModule = false;
    },
    'show order': () => {
      this.#rig.checkOrder();
      this.#recorder.noteAll((replica) => {
        const entries = this.#rig.history(replica).map((entry) => entry.split(':')[3]);
        return entries.join(' ') || 'nothing';
      });
    },
    'show excluded': () => this.#recorder.noteAll((replica) => this.#excludedAt(replica)),
  };

  #excludedAt(replica: number): string {
    const engine = this.#rig.engine(replica);
    if (!(engine instanceof AntipaxosEngine))
      throw new SyntaxError(`${engine.kind} excludes no process`);
    return engine.metrics.excluded.join(' ') || 'none';
  }

  #attach(): void {
    const handle = this.#rig.input.bind(this.#rig);
    this.#rig.input = (replica, input) => {
      this.#onInput(replica, input);
      handle(replica, input);
    };
    this.#rig.tamper = (from, to, message) => this.#carry(from, to, message);
    this.#rig.onStep = (replica, outputs) => {
      const shown = outputs.filter((output) => this.#isShown(output));
      this.#watch.onStep(replica, shown, (output) => this.#onOutput(replica, output));
    };
  }

  #carry(from: number, to: number, message: OrderingMessage): readonly OrderingMessage[] {
    if (this.#watch.losses.include(to, this.#words.message(message, from))) return [];
    const slowMs = this.#slow.get(from);
    if (slowMs === undefined) return [message];
    this.#rig.after(slowMs - this.#rig.latencyMinMs, () => this.#rig.transmit(from, to, message));
    return [];
  }

  #isShown(output: OrderingOutput): boolean {
    if (this.#hasDecisionModule) return true;
    if (output.kind === 'persist') return !output.key.startsWith('decision-module/');
    return !('message' in output) || output.message.scope !== 'decision-module';
  }

  #onInput(replica: number, input: OrderingInput | TimerInput): void {
    this.#watch.onInput(input);
    if (input.kind !== 'submit' || !this.#rig.alive.has(replica)) return;
    const { request } = input;
    this.#recorder.add(request.client, `submit ${this.#words.batch([request])}`, [replica]);
  }

  #onOutput(replica: number, output: OrderingOutput): void {
    switch (output.kind) {
      case 'start-timer':
      case 'stop-timer':
      case 'persist':
      case 'log':
        return this.#watch.onCommon(replica, output);
      case 'send':
        return this.#watch.onSend(
          replica,
          [output.to],
          this.#words.message(output.message, replica),
        );
      case 'broadcast': {
        const words = this.#words.message(output.message, replica);
        return this.#watch.onSend(replica, othersThan(replica, this.#rig.n), words);
      }
      case 'delivered': {
        const batch = this.#words.batch(output.batch);
        return this.#recorder.add(replica, `deliver ${output.position}: ${batch}`);
      }
      case 'installed':
        return this.#recorder.add(replica, `install ${output.position}`);
      case 'speculated': {
        const { space, index } = output.reply.statement.instance;
        return this.#recorder.add(replica, `speculate ${space}/${index}`);
      }
      case 'refused':
        return this.#recorder.add(replica, `refused: ${output.reason}`, [output.request.client]);
      default:
        return unreachable(output);
    }
  }
}
