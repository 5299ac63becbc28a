import { BlockList, isIP } from 'node:net';

/**
 * Places of which each principal takes no more than a share. Where all are taken, the greediest are
 * refused as everybody is, so a share is well below the whole.
 */
export class Shares {
  readonly #max: number;
  readonly #taken = new Map<string, number>();
  #count = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get count(): number {
    return this.#count;
  }

  /** Takes a place. Returns what gives it back, or `undefined` where the principal has its share, or all are taken. */
  take(principal: string, share: number): (() => void) | undefined {
    const taken = this.#taken.get(principal) ?? 0;
    if (taken >= share || this.#count >= this.#max) return undefined;
    this.#taken.set(principal, taken + 1);
    this.#count += 1;
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      this.#count -= 1;
      const left = (this.#taken.get(principal) ?? 1) - 1;
      if (left === 0) this.#taken.delete(principal);
      else this.#taken.set(principal, left);
    };
  }
}

/** Addresses, and networks such as `10.0.0.0/8`. */
export class AddressList {
  readonly #list = new BlockList();

  constructor(entries: readonly string[]) {
    for (const entry of entries) {
      const [address = '', bits] = entry.split('/', 2);
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      if (bits === undefined) this.#list.addAddress(address, family);
      else this.#list.addSubnet(address, Number(bits), family);
    }
  }

  has(socketAddress: string): boolean {
    const address = unmapped(socketAddress);
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 6 ? 'ipv6' : 'ipv4');
  }
}

/** Addresses behind which there are many clients: this machine's own, and those of proxies. */
export function crowdedAddresses(proxies: readonly string[] = []): AddressList {
  return new AddressList(['127.0.0.0/8', '::1', ...proxies]);
}

/** Who an address stands for: a host may call from any address of its IPv6 network (/64). */
export function principalOf(socketAddress: string): string {
  const address = unmapped(socketAddress);
  if (isIP(address) !== 6) return address;
  const [head = '', tail] = address.split('%', 1).join().split('::', 2);
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right];
  return `${groups.slice(0, 4).join(':')}::/64`;
}

/** An IPv4 address as a socket for both kinds has it (`::ffff:192.0.2.1`) is an IPv4 address. */
export function unmapped(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}
