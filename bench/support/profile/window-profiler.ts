/** A process, and what it is: profiles of the same role are merged. */
export interface ProfiledProcess {
  readonly name: string;
  readonly role: string;
  /** `undefined` where it does not run. */
  readonly pid: number | undefined;
}

/** What a benchmark measures within, where profiles are asked for. */
export interface WindowProfiler {
  /** Profiles these processes of a system, and this one, for as long as `measured` takes. */
  during<Result>(
    system: string,
    processes: readonly ProfiledProcess[],
    measured: () => Promise<Result>,
  ): Promise<Result>;
}
