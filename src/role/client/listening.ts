import type { SessionEvent } from '../../core/session/messages.js';
import { SessionProblemError } from '../../edge/session/problem.js';
import type { SessionId } from '../../vocabulary/session.js';
import { NodeError } from './session-error.js';
import type { SessionNode } from './session-node.js';

export interface ListeningEvents {
  /** May throw `NodeError`: then the stream is over, too. */
  onEvent(event: SessionEvent): void;
  /** The stream is over, and was not stopped from here. */
  onOver(error: NodeError | SessionProblemError): void;
  /** Something else went wrong, here. */
  onError(error: Error): void;
}

/** Listens to one home's events at a time. */
export class Listening {
  readonly #events: ListeningEvents;
  #current: AbortController | undefined;

  constructor(events: ListeningEvents) {
    this.#events = events;
  }

  /** Does nothing where it listens already. */
  start(node: SessionNode, session: SessionId, from: number): void {
    if (this.#current !== undefined) return;
    const listening = new AbortController();
    this.#current = listening;
    this.#follow(node.events(session, from, listening.signal), listening).catch((error: Error) =>
      this.#events.onError(error),
    );
  }

  stop(): void {
    this.#current?.abort();
    this.#current = undefined;
  }

  async #follow(events: AsyncIterable<SessionEvent>, listening: AbortController): Promise<void> {
    const { signal } = listening;
    try {
      for await (const event of events) {
        if (signal.aborted) return;
        this.#events.onEvent(event);
      }
      throw new NodeError('it has ended the stream of events');
    } catch (error) {
      if (signal.aborted) return;
      this.#current = undefined;
      if (!(error instanceof NodeError || error instanceof SessionProblemError)) throw error;
      this.#events.onOver(error);
    }
  }
}
