import type { SessionTable } from './session-table.js';
import type { Settling } from './settling.js';

/** Differences that are named. */
const namedMax = 16;

interface Compared {
  readonly history: string;
  readonly table: SessionTable;
  readonly settling: Settling;
}

/** What two replicas' states differ in. */
export function differencesOf(one: Compared, other: Compared): readonly string[] {
  const found = [...keysOf(one, other), ...sessionsOf(one, other)];
  if (one.history !== other.history) found.push('history');
  const more = found.length - namedMax;
  return more > 0 ? [...found.slice(0, namedMax), `${more} more`] : found;
}

function keysOf(one: Compared, other: Compared): string[] {
  return [...one.settling.states].flatMap(([application, texts]) => {
    const theirs = other.settling.states.get(application);
    const keys = new Set([...texts.keys(''), ...(theirs?.keys('') ?? [])]);
    return [...keys]
      .filter((key) => texts.get(key) !== theirs?.get(key))
      .map((key) => `key ${application}/${key}`);
  });
}

function sessionsOf(one: Compared, other: Compared): string[] {
  const sessions = [one, other].flatMap(({ table }) =>
    [...table.values()].map((entry) => entry.session),
  );
  return [...new Set(sessions)]
    .filter((session) => {
      const [mine, theirs] = [one.table.standing(session), other.table.standing(session)];
      return mine.next !== theirs.next || mine.head !== theirs.head;
    })
    .map((session) => `session ${session}`);
}
