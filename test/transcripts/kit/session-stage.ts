import type { TimerInput } from '../../../src/kernel/core.js';
import { unreachable } from '../../../src/kernel/ids.js';
import type { SessionInput, SessionOutput } from '../../../src/session/core/outbox.js';
import { beginChain } from '../../../src/session/owners.js';
import type { SessionRun } from '../../../src/session/types.js';
import type { TestSession } from '../../support/session-owner.js';
import { SessionRig } from '../../support/session-rig.js';
import { Names } from './names.js';
import { OrderingWords } from './ordering-words.js';
import { Recorder } from './recorder.js';
import { type Commands, numbers, type Stage } from './script.js';
import { SessionWords } from './session-words.js';
import { othersThan, Watch } from './watch.js';

const settleMs = 100;

/** Session replicas on PBFT, with their owners. Every message takes 1 ms. */
export class SessionStage implements Stage {
  readonly #rig: SessionRig;
  readonly #recorder: Recorder;
  readonly #watch: Watch;
  readonly #names = new Names();
  readonly #words: SessionWords;
  readonly #ordering: OrderingWords;
  /** Each owner has one session. */
  readonly #sessions = new Map<string, TestSession>();
  readonly #lastRuns = new Map<string, SessionRun>();
  /** The owner whose run a replica has last been handed; it is answered in the same step. */
  #asker = '';
  #hasOrdering = true;

  constructor(replicas: number) {
    const f = Math.floor((replicas - 1) / 3);
    this.#rig = new SessionRig({ engine: 'pbft', n: replicas, f });
    this.#rig.latencyMaxMs = 1;
    const { id } = this.#rig.parties.cluster;
    this.#words = new SessionWords(id, this.#names, ({ header }) =>
      this.#names.of('s', beginChain(id, header).session),
    );
    this.#ordering = new OrderingWords(id, (request) => this.#words.request(request));
    this.#rig.runFor(settleMs);
    this.#recorder = new Recorder(replicas, () => this.#rig.time.nowMs);
    this.#watch = new Watch(this.#recorder, (key) => this.#inKey(key));
    this.#attach();
  }

  takeLines(): string[] {
    for (const refusal of this.#rig.refused.splice(0)) this.#recorder.note(`refused: ${refusal}`);
    return this.#recorder.take();
  }

  readonly commands: Commands = {
    '<owner> calls "<words...>" at <replica>': (owner, words, replica) => {
      const session = this.#sessionOf(owner);
      this.#handIn(owner, Number(replica), session.call(...words.split('" "')));
    },
    '<owner> sends the same again to <replica>': (owner, replica) => {
      const run = this.#lastRuns.get(owner);
      if (!run) throw new SyntaxError(`${owner} has not sent anything`);
      this.#handIn(owner, Number(replica), run);
    },
    'run <ms> ms': (ms) => this.#rig.runFor(Number(ms)),
    'run until operation <sequence> of <owner> is final': (sequence, owner) => {
      const { id } = this.#sessionOf(owner);
      this.#rig.runUntil(() => this.#rig.isFinal(id, Number(sequence)));
    },
    'crash <replicas...>': (replicas) => {
      for (const replica of numbers(replicas)) this.#rig.crash(replica);
    },
    'start <replica>': (replica) => this.#rig.start(Number(replica)),
    'hide the ordering': () => {
      this.#hasOrdering = false;
    },
    'show <key> in the state': (key) =>
      this.#recorder.noteAll((replica) => {
        if (!this.#rig.alive.includes(replica)) return 'down';
        return this.#rig.core(replica).valueOf('words', key) ?? 'none';
      }),
  };

  #sessionOf(owner: string): TestSession {
    const known = this.#sessions.get(owner);
    if (known) return known;
    const session = this.#rig.parties.owner(owner).begin('words');
    this.#sessions.set(owner, session);
    return session;
  }

  #handIn(owner: string, replica: number, run: SessionRun): void {
    this.#lastRuns.set(owner, run);
    this.#recorder.add(owner, `run ${this.#words.run(run)}`, [replica]);
    this.#asker = owner;
    this.#rig.run(replica, run);
  }

  #attach(): void {
    const handle = this.#rig.input.bind(this.#rig);
    let isAside = false;
    this.#rig.input = (replica: number, input: SessionInput | TimerInput) => {
      this.#watch.onInput(input);
      // The rig asks in order to know whether to go on.
      isAside = input.kind === 'status';
      handle(replica, input);
    };
    this.#rig.onStep = (replica, outputs) => {
      if (isAside) return;
      const shown = outputs.filter((output) => this.#isShown(output));
      this.#watch.onStep(replica, shown, (output) => this.#onOutput(replica, output));
    };
  }

  #isShown(output: SessionOutput): boolean {
    if (this.#hasOrdering) return true;
    if (output.kind === 'persist') return output.key.startsWith('session/');
    return output.kind !== 'send-ordering' && output.kind !== 'broadcast-ordering';
  }

  #onOutput(replica: number, output: SessionOutput): void {
    switch (output.kind) {
      case 'start-timer':
      case 'stop-timer':
      case 'persist':
      case 'log':
        return this.#watch.onCommon(replica, output);
      case 'send-session':
        return this.#watch.onSend(replica, [output.to], this.#words.message(output.message));
      case 'broadcast-session':
        return this.#onSend(replica, this.#words.message(output.message));
      case 'send-ordering': {
        const words = this.#ordering.message(output.message, replica);
        return this.#watch.onSend(replica, [output.to], words);
      }
      case 'broadcast-ordering':
        return this.#onSend(replica, this.#ordering.message(output.message, replica));
      case 'answer': {
        const said = output.statuses.map(({ sequence, status }) => {
          return this.#words.status(sequence, status);
        });
        return this.#recorder.add(replica, `answer: ${said.join('; ')}`, [this.#asker]);
      }
      case 'event': {
        const text = `event ${this.#names.of('s', output.session)}: ${this.#words.event(output.event)}`;
        return this.#recorder.add(replica, text);
      }
      case 'refused':
        return this.#recorder.add(replica, `refused: ${output.refusal.code}`, [this.#asker]);
      case 'proved':
      case 'attested':
        return this.#recorder.add(replica, output.kind);
      case 'run-order':
      case 'watch-order':
        return this.#recorder.add(replica, output.kind);
      default:
        return unreachable(output);
    }
  }

  #onSend(replica: number, words: string): void {
    this.#watch.onSend(replica, othersThan(replica, this.#rig.n), words);
  }

  /** Sessions are named in keys and timers, too. */
  #inKey(key: string): string {
    return this.#names.inKey(
      key.replace(/[0-9a-f]{64}/, (digest) => {
        const isSession = [...this.#sessions.values()].some(({ id }) => id === digest);
        return isSession ? this.#names.of('s', digest) : digest;
      }),
    );
  }
}
