import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Binding, Cluster } from '../kernel/cluster.js';
import type { Logger } from '../kernel/http/logger.js';
import { SoapClient, type SoapClientOptions } from './client.js';
import { type LinkNames, MemberLinks } from './compact/member-links.js';
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
  /** Where the cluster's binding is compact, and the node is one of its own. */
  readonly links?: MemberLinks | undefined;
}

/** For operators: how the node sends messages to others. */
export function wireOf(
  { binding }: Cluster,
  { links }: SoapIdentity,
): { readonly binding: Binding; readonly links?: LinkNames } {
  return { binding, ...(links && { links: links.names() }) };
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
  const client = new SoapClient({ signer, verifier, addresses, ...options });
  return { signer, verifier, client, links: options.links };
}
