import { type Party, parties } from './parties.js';
import type { Loss, Role, Scenario } from './scenarios.js';

interface Seen {
  readonly party: Party;
  readonly name: string;
  readonly isLost: boolean;
}

/** What has been seen of one transaction. */
export class Conversation {
  readonly seen: Seen[] = [];
  /** Where a message is not of the form that the standards ask for. */
  readonly faults = new Set<string>();
  role: Role | undefined;
  scenario: Scenario | undefined;
  #loses: Loss = () => false;
  #durable = 0;

  begin(role: Role, scenario: Scenario): void {
    this.role = role;
    this.scenario = scenario;
    if (scenario.loses !== undefined) this.#loses = scenario.loses();
  }

  /** The party that registers for a protocol. */
  registers(protocol: 'completion' | 'volatile' | 'durable'): Party {
    if (protocol === 'completion') return 'I';
    if (protocol === 'volatile') return 'V';
    this.#durable += 1;
    return this.#durable === 1 ? 'D1' : 'D2';
  }

  /** Gives whether the message goes on. */
  saw(party: Party, name: string): boolean {
    const mayBeLost = party === 'V' || party === 'D1' || party === 'D2';
    const isLost = mayBeLost && name !== 'Register' && this.#loses(party, name);
    this.seen.push({ party, name, isLost });
    return !isLost;
  }

  /** What its scenario asks for and is not there; undefined where all is. */
  lack(): string | undefined {
    const { scenario } = this;
    if (scenario === undefined) return 'no application message was seen';
    for (const party of parties) {
      const said = this.#said(party);
      const usual = party === 'P' ? `${scenario.name} Response` : '';
      const asked = scenario.messages[party] ?? usual;
      if (!new RegExp(`^${asked}$`).test(said)) return `${party}: ${said || 'nothing'}`;
    }
    const wrong = scenario.order.find(([before, after]) => this.#at(before) >= this.#at(after));
    if (wrong !== undefined) return `${wrong[1]} came before ${wrong[0]}`;
    return this.faults.size === 0 ? undefined : [...this.faults].join('; ');
  }

  /** The names of the messages of a party, with `~` after what was lost. */
  #said(party: Party): string {
    const own = this.#labelled().filter((each) => each.party === party);
    const said = own.map(({ name, isLost }) => (isLost ? `${name}~` : name));
    const areRepeatsSeen = party !== 'I' && this.scenario?.repeats === true;
    if (areRepeatsSeen) return said.join(' ');
    // XTS answers a vote so that comes again, late on a busy machine.
    const isLate = said.filter((name) => name === 'Prepared').length > 1;
    const first = [...new Set(said)];
    return (isLate ? first.filter((name) => name !== 'Fault') : first).join(' ');
  }

  /** All of it in its order, for people. */
  toString(): string {
    return this.#labelled()
      .map(({ party, name, isLost }) => `${party}:${name}${isLost ? '~' : ''}`)
      .join(' ');
  }

  #at(step: string): number {
    return this.#labelled().findIndex(({ party, name }) => `${party} ${name}` === step);
  }

  #labelled(): readonly Seen[] {
    if (this.scenario?.isByVote === undefined) return this.seen;
    const first = this.seen.find(({ name }) => name === 'Prepared')?.party;
    if (first !== 'D2') return this.seen;
    const other: Readonly<Partial<Record<Party, Party>>> = { D1: 'D2', D2: 'D1' };
    return this.seen.map((each) => ({ ...each, party: other[each.party] ?? each.party }));
  }
}

/** Where a message belongs: the transaction, the party, and the side that gets it. */
export interface Place {
  readonly conversation: Conversation;
  readonly party: Party;
  readonly side: 'coordinator' | 'participant';
}
