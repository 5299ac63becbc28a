import { accountId } from '../../../src/banking/soap.js';
import type { Life } from '../engine/process.js';
import type { Mail } from '../parties/mail.js';
import type { Packet } from '../parties/packets.js';

/** Asks banks for balances, as any client may. */
export class Auditor implements Life<Packet> {
  readonly load = { timers: 0, outputs: 0 };
  readonly #mail: Mail;
  readonly #asked = new Map<number, string>();
  readonly #balances = new Map<string, number>();

  constructor(mail: Mail) {
    this.#mail = mail;
  }

  ask(bank: string, account: string): void {
    const call = this.#mail.nextCall();
    this.#asked.set(call, `${bank} ${account}`);
    this.#mail.send(bank, { kind: 'get-balance', call, account: accountId(account) });
  }

  balanceOf(bank: string, account: string): number | undefined {
    return this.#balances.get(`${bank} ${account}`);
  }

  linked(): void {}

  receive(from: string, packet: Packet): void {
    if (packet.kind !== 'balance') return;
    const asked = this.#asked.get(packet.call);
    if (asked?.startsWith(`${from} `)) this.#balances.set(asked, packet.amountMinor);
  }
}
