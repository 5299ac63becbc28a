/** Something that must hold, and did not. */
export interface Violation {
  readonly checker: string;
  readonly what: string;
}
