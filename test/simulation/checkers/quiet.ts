import type { Violation } from '../kit/violation.js';

/** No view is opened in a time in which nothing is open. */
export function checkQuiet(viewBefore: number, viewAfter: number): readonly Violation[] {
  if (viewAfter === viewBefore) return [];
  const what = `idle, the cluster went from view ${viewBefore} to view ${viewAfter}`;
  return [{ checker: 'quiet', what }];
}
