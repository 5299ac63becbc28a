/** What is fed to the edge of a coordinator. */
export const feedKinds = ['soap', 'peers'] as const;
export type FeedKind = (typeof feedKinds)[number];

/** One backlog, from the first message until the core has all. */
export interface Fed {
  readonly wallMs: number;
  /** Processor time of the main thread, and of all threads. */
  readonly mainMs: number;
  readonly allMs: number;
}
