import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Cluster } from '../kernel/cluster.js';
import { SoapClient } from './client.js';
import { ReplayCache } from './replay-cache.js';
import { MessageSigner } from './signing.js';
import { AddressPolicy, trustOf } from './trust.js';
import { MessageVerifier } from './verification.js';

/** A node's certificate and its key, PEM. */
export interface Credentials {
  readonly certificate: string;
  readonly privateKey: string;
}

/** What a node needs to speak signed SOAP in its own name. */
export interface SoapIdentity {
  readonly signer: MessageSigner;
  readonly verifier: MessageVerifier;
  readonly client: SoapClient;
}

/** `onSent` sees every envelope that the client sends. */
export function soapIdentity(
  cluster: Cluster,
  { certificate, privateKey }: Credentials,
  onSent?: (text: string) => void,
): SoapIdentity {
  const clock = Date.now;
  const signer = new MessageSigner({
    certificateDer: new X509Certificate(certificate).raw,
    privateKey: createPrivateKey(privateKey),
    clock,
  });
  const verifier = new MessageVerifier({
    trust: trustOf(cluster),
    clock,
    replays: new ReplayCache(),
  });
  const addresses = new AddressPolicy(cluster);
  return { signer, verifier, client: new SoapClient({ signer, verifier, addresses, onSent }) };
}
