import { createPrivateKey, X509Certificate } from 'node:crypto';
import { loadNode, type NodeFile } from '../../../src/kernel/config/node-file.js';
import type { Credential } from '../../../src/kernel/config/x509.js';
import { ed25519Signer, type Sign } from '../../../src/kernel/keys.js';
import { type Clock, MessageSigner } from '../../../src/soap/signing.js';
import { FuzzError } from '../attack.js';

/** The private keys of everybody in the cluster. */
export class Keys {
  readonly #nodes: ReadonlyMap<string, NodeFile>;
  readonly #signers = new Map<string, MessageSigner>();

  private constructor(nodes: ReadonlyMap<string, NodeFile>) {
    this.#nodes = nodes;
  }

  /** Reads these files of nodes and clients. */
  static async load(files: readonly string[]): Promise<Keys> {
    const nodes = await Promise.all(files.map((file) => loadNode(file)));
    return new Keys(new Map(nodes.map((node) => [node.name, node])));
  }

  /** Throws `FuzzError` where there is nobody of that name; so do the others. */
  credential(name: string): Credential {
    return this.#node(name);
  }

  /** Signs envelopes in somebody's name. */
  signer(name: string): MessageSigner {
    const known = this.#signers.get(name);
    if (known !== undefined) return known;
    const made = messageSigner(this.#node(name));
    this.#signers.set(name, made);
    return made;
  }

  /** Signs statements in somebody's name. */
  statementSigner(name: string): Sign {
    const node = this.#node(name);
    if (!('statementKey' in node)) throw new FuzzError(`${name} signs no statements`);
    return ed25519Signer(node.statementKey);
  }

  #node(name: string): NodeFile {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new FuzzError(`the cluster has nobody named ${name}`);
    return node;
  }
}

export function messageSigner(
  { certificate, privateKey }: Credential,
  clock: Clock = Date.now,
): MessageSigner {
  const certificateDer = new X509Certificate(certificate).raw;
  return new MessageSigner({ certificateDer, privateKey: createPrivateKey(privateKey), clock });
}
