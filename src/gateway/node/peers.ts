import { ConfigError } from '../../kernel/config/config-error.js';
import type { PlainService } from '../../kernel/config/plain-service.js';
import { type Addressing, anonymousAddress, noneAddress } from '../../soap/addressing.js';
import {
  type Believed,
  type Envelope,
  readUnprotected,
  type SoapMessage,
  type Understood,
  writeEnvelope,
} from '../../soap/envelope.js';
import { addressingFaults, securityFaults } from '../../soap/faults.js';
import { ReplayCache } from '../../soap/replay-cache.js';
import { understoodByPlainPorts } from '../../soap/server.js';
import { type Clock, MessageSigner } from '../../soap/signing.js';
import { MessageVerifier } from '../../soap/verification.js';
import { namespaces } from '../../soap/vocabulary.js';
import { isNamed } from '../../soap/xml.js';
import { peersByOrigin } from './origins.js';
import {
  findPinned,
  ownerOf,
  type PeerCertificates,
  readPeerCertificates,
} from './peer-certificates.js';
import { readKeyPair } from './pem-files.js';

/** A message of plain software. */
export interface PlainMessage extends SoapMessage {
  /** The peer that has signed it; `undefined` where nobody has. */
  readonly peer: string | undefined;
}

/** Plain software that signs. */
interface Peer {
  readonly role: 'plain';
  readonly name: string;
}

interface Signatures {
  readonly signer: MessageSigner;
  readonly verifier: MessageVerifier<Peer>;
  readonly takesUnsigned: boolean;
}

/** Reads the files of `plain.signatures`. Throws `ConfigError`, which names the file. */
export async function loadPeers(
  plain: Pick<PlainService, 'allowedOrigins' | 'isLoopbackOne' | 'signatures'>,
  clock: Clock = Date.now,
): Promise<Peers> {
  const { signatures } = plain;
  if (signatures === undefined) return new Peers(new Map(), undefined);
  const { certificate: file, privateKey, takesUnsigned } = signatures;
  const own = await readKeyPair(file, privateKey);
  const peers = await readPeerCertificates(signatures.peers);
  try {
    const signer = new MessageSigner({
      certificateDer: own.certificate.raw,
      ...{ privateKey: own.privateKey, clock },
    });
    const verifier = verifierOf(peers, clock);
    return new Peers(peersByOrigin(plain), { signer, verifier, takesUnsigned });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new ConfigError(`${privateKey}: ${error.message}`);
  }
}

function verifierOf(peers: readonly PeerCertificates[], clock: Clock): MessageVerifier<Peer> {
  return new MessageVerifier<Peer>({
    trust: (certificate) => {
      const name = ownerOf(peers, certificate, clock());
      return name === undefined ? undefined : { role: 'plain', name };
    },
    find: (reference) => findPinned(peers, reference)?.raw.toString('base64'),
    ...{ clock, replays: new ReplayCache() },
  });
}

/** Which plain software signs, and what it has signed. */
export class Peers {
  readonly #origins: ReadonlyMap<string, string>;
  readonly #signatures: Signatures | undefined;

  /** `origins`: the peer of each origin. Without `signatures` nobody signs. */
  constructor(origins: ReadonlyMap<string, string>, signatures: Signatures | undefined) {
    this.#origins = origins;
    this.#signatures = signatures;
  }

  /** How many there are, all that do not sign being one. */
  get senders(): number {
    const takesUnsigned = this.#signatures?.takesUnsigned ?? true;
    return new Set(this.#origins.values()).size + (takesUnsigned ? 1 : 0);
  }

  /** The peer that is called there; `undefined` where what goes there is not signed. */
  at(address: string): string | undefined {
    return URL.canParse(address) ? this.#origins.get(new URL(address).origin) : undefined;
  }

  /** Reads a message by the peer's signature, or as nobody's. Throws the `SoapFault` to answer with. */
  read(envelope: Envelope, text: string, understood: Understood): Believed<PlainMessage> {
    if (this.#signatures !== undefined && hasSecurity(envelope)) {
      const { message, admit } = this.#signatures.verifier.authenticate(envelope, text);
      return { message: { ...message, peer: message.principal.name }, admit };
    }
    if (this.#signatures?.takesUnsigned === false) {
      throw securityFaults.invalidSecurity('not signed');
    }
    const message = readUnprotected(
      envelope,
      (block) => understoodByPlainPorts(block) || understood(block),
    );
    return { message: { ...message, peer: undefined }, admit: () => undefined };
  }

  /** Writes the answer to a message: signed where that was. */
  answer(reply: SoapMessage, { peer }: PlainMessage): string {
    return this.#write(reply, peer);
  }

  /** Writes a message to an address: signed where it is a peer's. */
  write(message: SoapMessage, address: string): string {
    return this.#write(message, this.at(address));
  }

  /**
   * Throws unless a signed message says what it is for, by `isOwn` here, and what answers it goes to addresses of
   * its own sender.
   */
  checkAddressing({ addressing, peer }: PlainMessage, isOwn: (to: string) => boolean): void {
    if (peer !== undefined) requireForUs(addressing, isOwn);
    const { replyTo, faultTo, from } = addressing;
    for (const endpoint of [replyTo, faultTo, from]) {
      const { address = noneAddress } = endpoint ?? {};
      if (address === noneAddress || address === anonymousAddress) continue;
      if (this.at(address) !== peer) {
        throw addressingFaults.invalidAddressingHeader('an address that is not the sender\u2019s');
      }
    }
  }

  #write(message: SoapMessage, peer: string | undefined): string {
    const { signer } = this.#signatures ?? {};
    return peer === undefined || signer === undefined
      ? writeEnvelope(message)
      : signer.sign(message);
  }
}

function hasSecurity({ blocks }: Envelope): boolean {
  return blocks.some((block) => isNamed(block, namespaces.wsse, 'Security'));
}

function requireForUs({ action, to, messageId }: Addressing, isOwn: (to: string) => boolean): void {
  const need = addressingFaults.messageAddressingHeaderRequired;
  if (action === '') throw need('Action');
  if (to === undefined) throw need('To');
  if (messageId === undefined) throw need('MessageID');
  if (!isOwn(to)) throw addressingFaults.destinationUnreachable(`not this service: ${to}`);
}
