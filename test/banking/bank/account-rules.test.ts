import { describe, expect, it } from 'vitest';
import { AccountRules } from '../../../src/banking/bank/warrants.js';
import { accountId } from '../../../src/banking/soap.js';

const [joint, plain, other] = [accountId('joint'), accountId('plain'), accountId('other')];
const rules = new AccountRules([
  { account: 'joint', owners: ['alice', 'teller-*'], readers: ['auditor'] },
  { account: 'plain' },
  { account: 'other', owners: [] },
]);

describe('the rules of accounts', () => {
  it('let owners debit and read, and readers read', () => {
    expect(
      ['alice', 'teller-7', 'auditor', 'teller', 'bob'].map((name) => rules.mayDebit(name, joint)),
    ).toEqual([true, true, false, false, false]);
    expect(['alice', 'auditor', 'bob'].map((name) => rules.mayRead(name, joint))).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('give an account without owners to the client of its name, and one with none to nobody', () => {
    expect(rules.mayDebit('plain', plain)).toBe(true);
    expect(rules.mayDebit('alice', plain)).toBe(false);
    expect(rules.mayRead('other', other)).toBe(false);
    expect(rules.mayDebit('unlisted', accountId('unlisted'))).toBe(true);
    expect(rules.mayDebit('alice', accountId('unlisted'))).toBe(false);
  });
});
