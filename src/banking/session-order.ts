import { placesMax } from '../agreement/invitation.js';
import { enlistmentsMax } from '../kernel/codec/limits.js';
import { participantId } from '../kernel/ids.js';
import type { Keyring } from '../kernel/keys.js';
import { verifyCertifiedOrder } from '../session/check-proof.js';
import { decodeCertifiedOrder } from '../session/proof.js';
import type { CertifiedOrder, SessionTransfer } from '../session/types.js';
import { coordinationFaults, soapFaults } from '../soap/faults.js';
import { cc, namespaces } from '../soap/vocabulary.js';
import { element, isNamed, parseBase64, parseValue, type XmlElement } from '../soap/xml.js';
import { decoded } from '../transaction/soap/extension.js';
import { accountId, currency as currencyCode, type PostingCall, type Postings } from './soap.js';

/**
 * How coordinators hand an order of sessions to an initiator: its bytes as the wire codec has them. The
 * answer is that to a transfer.
 */
export const orderActions = {
  order: `${namespaces.concordat}/Order`,
  orderResponse: `${namespaces.concordat}/OrderResponse`,
} as const;

export function writeOrder(encoded: Uint8Array): XmlElement {
  return element(cc('Order'), [], Buffer.from(encoded).toString('base64'));
}

/** Throws a `SoapFault` where the body is no Order. What its bytes say is not looked at. */
export function readOrder(body: XmlElement | undefined): Uint8Array {
  if (body === undefined || !isNamed(body, namespaces.concordat, 'Order')) {
    throw soapFaults.sender('expected Order in the body');
  }
  return parseValue(body, parseBase64, soapFaults.sender);
}

/**
 * What an order of sessions comes down to: one leg for each account whose balance it changes, over all
 * its transfers, so that their order does not matter. An order that cannot be is refused by its
 * transaction and not at the door: otherwise its lane would wait for an outcome for ever.
 */
export function operationOfOrder(transfers: readonly SessionTransfer[]): Postings {
  const currency = transfers[0]?.currency ?? '';
  const impossible = refusalOf(transfers);
  if (impossible !== undefined) return { kind: 'plan', legs: [], refusal: impossible };
  const legs = legsOf(transfers, currency);
  const refusal = refusalOfLegs(legs);
  return refusal === undefined ? { kind: 'plan', legs } : { kind: 'plan', legs: [], refusal };
}

function refusalOf(transfers: readonly SessionTransfer[]): string | undefined {
  for (const { from, to, amountMinor, currency } of transfers) {
    if (currency !== transfers[0]?.currency) return 'MixedCurrencies';
    if (!isA(currencyCode, currency)) return 'UnknownCurrency';
    if (![from, to].every(({ bank }) => isA(participantId, bank))) return 'UnknownBank';
    if (![from, to].every(({ account }) => isA(accountId, account))) return 'UnknownAccount';
    if (!Number.isSafeInteger(amountMinor) || amountMinor < 1) return 'InvalidAmount';
  }
  return undefined;
}

/** Sums are exact: amounts may add up to more than a number holds. */
function legsOf(transfers: readonly SessionTransfer[], currency: string): PostingCall[] {
  const nets = new Map<string, bigint>();
  const add = ({ bank, account }: SessionTransfer['from'], amount: bigint): void => {
    const key = `${bank} ${account}`;
    nets.set(key, (nets.get(key) ?? 0n) + amount);
  };
  for (const { from, to, amountMinor } of transfers) {
    add(from, -BigInt(amountMinor));
    add(to, BigInt(amountMinor));
  }
  return [...nets].filter(([, net]) => net !== 0n).map(([key, net]) => leg(key, net, currency));
}

/** Names hold no spaces. */
function leg(key: string, net: bigint, currency: string): PostingCall {
  const [bank = '', account = ''] = key.split(' ');
  return {
    kind: 'posting',
    participant: participantId(bank),
    side: net < 0n ? 'debit' : 'credit',
    account,
    amountMinor: Number(net < 0n ? -net : net),
    currency,
  };
}

function refusalOfLegs(legs: readonly PostingCall[]): string | undefined {
  if (legs.some(({ amountMinor }) => !Number.isSafeInteger(amountMinor))) return 'AmountTooLarge';
  if (legs.length > enlistmentsMax) return 'TooManyPostings';
  const postings = new Map<string, number>();
  for (const { participant } of legs) {
    postings.set(participant, (postings.get(participant) ?? 0) + 1);
  }
  const most = Math.max(0, ...postings.values());
  return most > placesMax ? 'TooManyPostings' : undefined;
}

function isA(parse: (text: string) => string, text: string): boolean {
  try {
    return parse(text) === text;
  } catch {
    return false;
  }
}

/** An order of sessions that `f + 1` coordinators have signed, and its transfers are those signed for. */
export function readCertifiedOrder(keyring: Keyring, bytes: Uint8Array): CertifiedOrder {
  const order = decoded('Order', () => decodeCertifiedOrder(keyring.cluster.id, bytes));
  const verified = verifyCertifiedOrder(keyring, order);
  if (verified.ok) return verified.value;
  throw coordinationFaults.invalidParameters(`cc:Order: ${verified.error.code}`);
}
