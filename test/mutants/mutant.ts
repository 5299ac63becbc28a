/** One rule, broken. */
export interface Mutant {
  readonly name: string;
  /** The rule that it breaks. */
  readonly rule: string;
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  /** Where a test must fail: files or folders of tests. */
  readonly tests: readonly string[];
}
