/** A node that runs in this process. */
export interface RunningNode {
  /** Where it listens. */
  readonly url: string;
  /** Takes no more requests, answers those that wait, and closes all connections and the store. */
  stop(): Promise<void>;
}
