import type { Core } from '../../../src/kernel/core.js';
import type { ReplicaId } from '../../../src/kernel/ids.js';
import { type Cast, coordinatorAddress } from '../kit/cast.js';
import { Callers, Party, type PartyOptions } from '../kit/party.js';
import { type Mail, SeenMessages } from './mail.js';
import type { Packet } from './packets.js';
import type { Reader } from './reader.js';

export interface PacketPartyOptions extends PartyOptions {
  readonly cast: Cast;
  readonly reader: Reader;
  readonly mail: Mail;
}

/** A core with packets in place of SOAP ports. `Id` names a request that it is to answer. */
export abstract class PacketParty<
  Input,
  Output extends { readonly kind: string },
  Id extends number,
> extends Party<Packet, Input, Output> {
  protected readonly cast: Cast;
  protected readonly reader: Reader;
  protected readonly mail: Mail;
  protected readonly callers = new Callers<Id>();
  readonly #seen = new SeenMessages();

  constructor(options: PacketPartyOptions, core: Core<Input, Output>) {
    super(options, core);
    this.cast = options.cast;
    this.reader = options.reader;
    this.mail = options.mail;
  }

  receive(from: string, packet: Packet, id: number): void {
    if (this.#seen.isNew(packet, id)) this.take(from, packet);
  }

  protected abstract take(from: string, packet: Packet): void;

  /** Answers the request, where its caller still waits. */
  protected reply(id: Id, reply: (call: number) => Packet): void {
    const caller = this.callers.take(id);
    if (caller) this.mail.send(caller.to, reply(caller.call));
  }

  protected sendReplicas(to: readonly ReplicaId[], packet: Packet): void {
    for (const replica of to) this.mail.send(coordinatorAddress(replica), packet);
  }
}
