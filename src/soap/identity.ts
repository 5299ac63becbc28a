import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Cluster } from '../kernel/cluster.js';
import type { Logger } from '../kernel/http/logger.js';
import { SoapClient, type SoapClientOptions } from './client.js';
import { MemberLinks } from './compact/member-links.js';
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
  credentials: Credentials,
  onSent?: (text: string) => void,
): SoapIdentity {
  return identityOf(cluster, credentials, { onSent });
}

/** As `soapIdentity`, of a node of the cluster: its messages to other nodes go as the cluster's binding says. */
export function memberIdentity(
  cluster: Cluster,
  credentials: Credentials,
  log: Logger,
  onSent?: (text: string) => void,
): SoapIdentity {
  const isCompact = cluster.binding === 'compact';
  const links = isCompact ? new MemberLinks(cluster, credentials, log) : undefined;
  return identityOf(cluster, credentials, { onSent, links });
}

function identityOf(
  cluster: Cluster,
  { certificate, privateKey }: Credentials,
  options: Pick<SoapClientOptions, 'onSent' | 'links'>,
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
  return { signer, verifier, client: new SoapClient({ signer, verifier, addresses, ...options }) };
}
