/**
 * Throws where a rule that the proofs rest on would be broken. The driver ends the core before anything of
 * the step leaves.
 */
export function invariant(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${what}`);
}
