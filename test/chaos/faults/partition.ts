import { allMembers, members } from '../cluster/members.js';
import type { PartitionShape } from './fault.js';

/** One direction between two nodes. */
export interface Direction {
  readonly from: string;
  readonly to: string;
}

/** What a partition cuts. `side` is one of its two parts where the shape needs them. */
export function directionsCut(
  shape: PartitionShape,
  victim: string,
  side: readonly string[],
): Direction[] {
  const others = allMembers.filter((name) => name !== victim);
  switch (shape) {
    case 'isolated':
      return bothWays([victim], others);
    case 'deaf':
      return others.map((from) => ({ from, to: victim }));
    case 'mute':
      return others.map((to) => ({ from: victim, to }));
    case 'split':
      return bothWays(
        side,
        allMembers.filter((name) => !side.includes(name)),
      );
    case 'half':
      return bothWays(
        [victim],
        members.coordinators.filter((name) => side.includes(name)),
      );
  }
}

function bothWays(side: readonly string[], other: readonly string[]): Direction[] {
  return side.flatMap((a) =>
    other.flatMap((b) => [
      { from: a, to: b },
      { from: b, to: a },
    ]),
  );
}
