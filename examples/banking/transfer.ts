import type { SessionTransfer } from 'concordat/application';

/** Why a step cannot be. The same text at every replica, so it is not a parser's own. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}

/** The most that one step moves, in the smallest unit: so that no batch adds up to too much. */
export const amountMinorMax = 1_000_000_000_000;

/**
 * Reads `{"transfer": {"from": {"bank", "account"}, "to": {"bank", "account"}, "amountMinor",
 * "currency"}}`. Throws `Refusal`, which names the field at fault.
 */
export function parseTransfer(payload: string): SessionTransfer {
  const { transfer } = fields('the step', parseJson(payload), ['transfer']);
  const found = fields('transfer', transfer, ['from', 'to', 'amountMinor', 'currency']);
  const from = place('transfer.from', found.from);
  const to = place('transfer.to', found.to);
  if (from.bank === to.bank && from.account === to.account) {
    throw new Refusal('transfer.to: must be another account than transfer.from');
  }
  return { from, to, amountMinor: amount(found.amountMinor), currency: currency(found.currency) };
}

function parseJson(payload: string): unknown {
  try {
    return JSON.parse(payload);
  } catch {
    throw new Refusal('the step: must be JSON');
  }
}

/** The value's fields, which must be these and no others. */
function fields<Name extends string>(
  what: string,
  value: unknown,
  names: readonly Name[],
): Record<Name, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Refusal(`${what}: must be an object with ${names.join(', ')}`);
  }
  const found = new Map<string, unknown>(Object.entries(value));
  for (const name of names) if (!found.has(name)) throw new Refusal(`${what}.${name}: is missing`);
  if (found.size > names.length) {
    throw new Refusal(`${what}: must have no fields but ${names.join(', ')}`);
  }
  return Object.fromEntries(found) as Record<Name, unknown>;
}

function place(what: string, value: unknown): SessionTransfer['from'] {
  const { bank, account } = fields(what, value, ['bank', 'account']);
  return { bank: name(`${what}.bank`, bank), account: name(`${what}.account`, account) };
}

function name(what: string, value: unknown): string {
  if (typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(value)) return value;
  throw new Refusal(
    `${what}: must be a name: a letter or digit, then at most 62 letters, digits, ".", "_" or "-"`,
  );
}

function amount(value: unknown): number {
  if (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= amountMinorMax) {
    return Number(value);
  }
  throw new Refusal(
    'transfer.amountMinor: must be a whole number of the smallest unit, ' +
      `1 to ${amountMinorMax}`,
  );
}

function currency(value: unknown): string {
  if (typeof value === 'string' && /^[A-Z]{3}$/.test(value)) return value;
  throw new Refusal('transfer.currency: must be three capital letters, for example "EUR"');
}
