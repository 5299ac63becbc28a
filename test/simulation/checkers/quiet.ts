import type { Violation } from '../kit/violation.js';

/**
 * No view is opened in a time in which nothing is open. In two steps replicas leave a view for one that has lost its
 * disk, or that says so; `left` is how often one did.
 */
export function checkQuiet(
  viewBefore: number,
  viewAfter: number,
  left: number,
): readonly Violation[] {
  if (viewAfter - viewBefore <= left) return [];
  const what = `idle, the cluster went from view ${viewBefore} to view ${viewAfter}`;
  return [{ checker: 'quiet', what }];
}
