import type { AccountId } from '../../edge/soap/banking.js';

/** One account's rules, as the bank's configuration has them. */
export interface AccountRule {
  readonly account: string;
  /**
   * Clients that may debit and read the account, by the names in their certificates; `name*` means all
   * whose names begin so. The client of the account's own name where not given.
   */
  readonly owners?: readonly string[] | undefined;
  /** Clients that may read it besides. */
  readonly readers?: readonly string[] | undefined;
}

/** Who may debit which account of a bank, and who may read its balance. Anybody may pay into it. */
export class AccountRules {
  readonly #rules: ReadonlyMap<string, AccountRule>;

  constructor(rules: readonly AccountRule[]) {
    this.#rules = new Map(rules.map((rule) => [rule.account, rule]));
  }

  mayDebit(client: string, account: AccountId): boolean {
    const owners = this.#rules.get(account)?.owners ?? [account];
    return owners.some((owner) => isMeant(owner, client));
  }

  mayRead(client: string, account: AccountId): boolean {
    const readers = this.#rules.get(account)?.readers ?? [];
    return this.mayDebit(client, account) || readers.some((reader) => isMeant(reader, client));
  }
}

function isMeant(rule: string, client: string): boolean {
  return rule.endsWith('*') ? client.startsWith(rule.slice(0, -1)) : client === rule;
}
