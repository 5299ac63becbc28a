import type { NotificationName } from '../../../../src/transaction/soap/coordination.js';

/** What a participant of a scenario does otherwise than prepare and commit. */
export interface Behaviour {
  readonly vote?: 'ReadOnly' | 'Aborted';
  /** The first Commit is not applied; then it says Prepared again after so long, or waits for the next Commit. */
  readonly failsOnce?: { readonly recoversAfterMs?: number };
  /** Before it votes. */
  readonly whenPreparing?: () => Promise<void>;
}

/** Until a vote is said again; it grows as that of XTS does. Milliseconds. */
const resendAfterMs = 5000;
const growth = 1.4;

/** The participant's side of Volatile2PC and Durable2PC, as the standard's tables have it. */
export class OwnParticipant {
  readonly #behaviour: Behaviour;
  readonly #send: (name: NotificationName) => void;
  #state: 'active' | 'prepared' | 'committed' | 'ended' = 'active';
  #fails: boolean;
  /** It has crashed, and hears nothing. */
  #isDown = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(behaviour: Behaviour, send: (name: NotificationName) => void) {
    this.#behaviour = behaviour;
    this.#send = send;
    this.#fails = behaviour.failsOnce !== undefined;
  }

  /** Votes unasked. */
  early(vote: 'ReadOnly' | 'Aborted'): void {
    this.#end('ended', vote);
  }

  async prepare(): Promise<void> {
    if (this.#isDown) return;
    if (this.#state === 'prepared') return this.#send('Prepared');
    if (this.#state !== 'active') return this.#send('Aborted');
    await this.#behaviour.whenPreparing?.();
    const { vote } = this.#behaviour;
    if (vote !== undefined) return this.#end('ended', vote);
    this.#state = 'prepared';
    this.#votePrepared(resendAfterMs);
  }

  commit(): void {
    if (this.#isDown) return;
    if (this.#state !== 'prepared') return this.#send('Committed');
    clearTimeout(this.#timer);
    if (!this.#fails) return this.#end('committed', 'Committed');
    this.#fails = false;
    const { recoversAfterMs } = this.#behaviour.failsOnce ?? {};
    if (recoversAfterMs === undefined) return;
    this.#isDown = true;
    this.#timer = setTimeout(() => {
      this.#isDown = false;
      this.#votePrepared(resendAfterMs);
    }, recoversAfterMs);
  }

  rollback(): void {
    this.#end('ended', 'Aborted');
  }

  /** The coordinator knows nothing of it. */
  fault(): void {
    this.#end('ended');
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #votePrepared(againAfterMs: number): void {
    this.#send('Prepared');
    this.#timer = setTimeout(() => this.#votePrepared(againAfterMs * growth), againAfterMs);
  }

  #end(state: 'committed' | 'ended', name?: NotificationName): void {
    clearTimeout(this.#timer);
    this.#state = state;
    if (name !== undefined) this.#send(name);
  }
}
