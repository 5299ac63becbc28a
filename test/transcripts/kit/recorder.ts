/** Something that a party did: to others where `to` names them, by itself otherwise. */
interface Deed {
  readonly text: string;
  readonly to: readonly string[];
}

/** Deeds of one party within one millisecond, in their order. */
interface Turn {
  readonly party: string;
  readonly deeds: Deed[];
}

interface SaidDeed {
  readonly to: string;
  readonly text: string;
}

const timeWidth = 6;
const partyWidth = 20;
const textWidth = 80;

/**
 * Collects what the parties of a cluster do, and says it in lines. Parties that do the same within one
 * millisecond share their lines: `1 2 3 -> all  prepare o1 = commit`.
 */
export class Recorder {
  readonly #replicas: readonly string[];
  readonly #now: () => number;
  #sinceMs: number;
  #turns = new Map<number, Turn[]>();
  #notes: string[] = [];

  constructor(replicas: number, now: () => number) {
    this.#replicas = Array.from({ length: replicas }, (_, replica) => String(replica));
    this.#now = now;
    this.#sinceMs = now();
  }

  /** A line of its own, after all that has happened. */
  note(line: string): void {
    this.#notes.push(line);
  }

  /** A party does something by itself, or sends a message. */
  add(party: string | number, text: string, to: readonly (string | number)[] = []): void {
    const { deeds } = this.#turnOf(String(party));
    const last = deeds.at(-1);
    const receivers = to.map(String);
    if (last && isMoreOf(last, { text, to: receivers })) {
      const [, item = ''] = split(text);
      deeds[deeds.length - 1] = { ...last, text: `${last.text}, ${item}` };
      return;
    }
    const isSame = last?.text === text && last.to.length > 0;
    if (last && isSame && !receivers.some((one) => last.to.includes(one))) {
      deeds[deeds.length - 1] = { text, to: [...last.to, ...receivers] };
    } else {
      deeds.push({ text, to: receivers });
    }
  }

  /** A replica writes or deletes a record. What it does to its disk without a message in between is one line. */
  addWrite(replica: number, key: string, isDeleted: boolean): void {
    const verb = isDeleted ? 'delete' : 'write';
    const { deeds } = this.#turnOf(String(replica));
    const last = deeds.at(-1);
    if (!last || !/^(write|delete) /.test(last.text)) {
      deeds.push({ text: `${verb} ${key}`, to: [] });
      return;
    }
    const isMore = last.text.split('; ').at(-1)?.startsWith(verb);
    const text = isMore ? `${last.text}, ${key}` : `${last.text}; ${verb} ${key}`;
    deeds[deeds.length - 1] = { text, to: [] };
  }

  /** What is so at each replica, in one line. */
  noteAll(what: (replica: number) => string): void {
    const where = new Map<string, number[]>();
    for (const [replica] of this.#replicas.entries()) {
      const value = what(replica);
      where.set(value, [...(where.get(value) ?? []), replica]);
    }
    const parts = [...where].map(([value, replicas]) => `${replicas.join(' ')}: ${value}`);
    this.note(parts.join('   '));
  }

  /** The lines since the last call, with the milliseconds since then. */
  take(): string[] {
    const lines: string[] = [];
    for (const [atMs, turns] of this.#turns) {
      let time = `+${Math.round(atMs - this.#sinceMs)}`;
      for (const line of this.#linesOf(turns)) {
        lines.push(`${time.padEnd(timeWidth)}${line}`);
        time = '';
      }
    }
    lines.push(...this.#notes);
    this.#turns = new Map();
    this.#notes = [];
    this.#sinceMs = this.#now();
    return lines;
  }

  #turnOf(party: string): Turn {
    const atMs = this.#now();
    const turns = this.#turns.get(atMs) ?? [];
    this.#turns.set(atMs, turns);
    const known = turns.find((turn) => turn.party === party);
    if (known) return known;
    const turn = { party, deeds: [] };
    turns.push(turn);
    return turn;
  }

  #linesOf(turns: readonly Turn[]): string[] {
    const groups = new Map<string, { parties: string[]; deeds: readonly SaidDeed[] }>();
    for (const { party, deeds } of turns) {
      const said = deeds.map((deed) => this.#say(party, deed));
      const key = JSON.stringify(said);
      const group = groups.get(key) ?? { parties: [], deeds: said };
      group.parties.push(party);
      groups.set(key, group);
    }
    return [...groups.values()].flatMap(({ parties, deeds }) => {
      const who = parties.sort().join(' ');
      return deeds.flatMap(({ to, text }) => {
        const head = (to ? `${who} -> ${to}` : who).padEnd(partyWidth);
        const [first, ...more] = wrap(text);
        return [`${head}  ${first}`, ...more.map((line) => `${' '.repeat(partyWidth + 4)}${line}`)];
      });
    });
  }

  #say(party: string, { text, to }: Deed): SaidDeed {
    const others = this.#replicas.filter((replica) => replica !== party);
    const isToAll = to.length === others.length && others.every((replica) => to.includes(replica));
    return { to: isToAll ? 'all' : to.join(' '), text };
  }
}

/** Two records of one transaction, sent one after the other to the same replicas, share a line. */
function isMoreOf(last: Deed, next: Deed): boolean {
  const [start] = split(next.text);
  return (
    start.startsWith('record ') && last.text.startsWith(start) && `${last.to}` === `${next.to}`
  );
}

/** What a text is about, and what it says of it. */
function split(text: string): [string, string | undefined] {
  const [start = '', item] = text.split(': ', 2);
  return [start, item];
}

/** Lines of one text, broken between the items of its lists. */
function wrap(text: string): string[] {
  const lines = [''];
  for (const item of text.split(/(?<=[,;] )/)) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && line.length + item.trimEnd().length > textWidth) lines.push(item);
    else lines[lines.length - 1] = `${line}${item}`;
  }
  return lines.map((line) => line.trimEnd());
}
