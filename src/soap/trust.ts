import { hash, type KeyObject, X509Certificate } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Cluster, Member } from '../kernel/cluster.js';
import { urlOf } from '../kernel/http/url.js';
import {
  type InitiatorId,
  type ParticipantId,
  type ReplicaId,
  sessionsPrincipal,
} from '../kernel/ids.js';
import { ofParticipants } from '../kernel/participants.js';
import { securityFaults } from './faults.js';
import { signatureMethodOf } from './signing.js';

/** The signer of a message. `name` is the common name of the certificate. */
export type Principal =
  | { readonly role: 'coordinator'; readonly id: ReplicaId; readonly name: string }
  | { readonly role: 'initiator'; readonly id: InitiatorId; readonly name: string }
  | { readonly role: 'participant'; readonly id: ParticipantId; readonly name: string }
  | { readonly role: 'client'; readonly name: string };

/** What every signer has, of whatever kind. */
export interface Signer {
  readonly role: string;
  readonly name: string;
}

/** Longer addresses are refused unread. */
const addressLengthMax = 2048;

/**
 * Which addresses a node may call. Messages name the address that an answer goes to, so without such
 * a rule anybody could make the nodes call anything that they can reach.
 */
export class AddressPolicy {
  readonly #origins: ReadonlySet<string>;
  readonly #ofParticipants: () => ReadonlySet<string>;

  /** Allows the members' origins (scheme, host, port) and those that the cluster file adds. */
  constructor(
    cluster: Pick<
      Cluster,
      'coordinators' | 'initiators' | 'participants' | 'fronts' | 'allowedOrigins'
    >,
  ) {
    const members = [...cluster.coordinators, ...cluster.initiators, ...cluster.fronts];
    const addresses = [...members.map((member) => member.url), ...cluster.allowedOrigins];
    this.#origins = originsOf(addresses);
    this.#ofParticipants = ofParticipants(cluster, (participants) =>
      originsOf(participants.map(({ url }) => url)),
    );
  }

  allows(address: string): boolean {
    const url = address.length > addressLengthMax ? undefined : urlOf(address);
    if (url === undefined) return false;
    const isWeb = url.protocol === 'http:' || url.protocol === 'https:';
    return isWeb && url.username === '' && url.password === '' && this.#has(url.origin);
  }

  #has(origin: string): boolean {
    return this.#origins.has(origin) || this.#ofParticipants().has(origin);
  }
}

function originsOf(addresses: readonly string[]): ReadonlySet<string> {
  return new Set(addresses.map((address) => new URL(address).origin));
}

/** Whom a certificate stands for, or `undefined` for nobody we know. Validity dates aside. */
export type Trust<Who extends Signer = Principal> = (
  certificate: X509Certificate,
) => Who | undefined;

/** Names of clients in certificates: a client id without a lane. */
const clientNameForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/**
 * Trusts the members of a cluster by the digests of their certificates, and as clients all those to
 * whom its authority issued a certificate with OU=client. Front doors are clients as well.
 */
export function trustOf(cluster: Cluster): Trust {
  const members = new Map<string, Principal>();
  const add = (
    { certificateSha256 }: Pick<Member, 'certificateSha256'>,
    principal: Principal,
  ): void => {
    members.set(certificateSha256, principal);
  };
  for (const member of cluster.coordinators) {
    add(member, { role: 'coordinator', id: member.id, name: member.name });
  }
  for (const member of cluster.initiators) {
    add(member, { role: 'initiator', id: member.id, name: member.name });
  }
  for (const member of cluster.fronts) add(member, { role: 'client', name: member.name });
  const participants = ofParticipants(cluster, principalsOf);
  const authority = new X509Certificate(cluster.authority);
  return (certificate) => {
    const digest = digestOf(certificate);
    return members.get(digest) ?? participants().get(digest) ?? clientOf(authority, certificate);
  };
}

const digests = new WeakMap<X509Certificate, string>();

function digestOf(certificate: X509Certificate): string {
  const known = digests.get(certificate);
  if (known !== undefined) return known;
  const digest = hash('sha256', certificate.raw, 'hex');
  digests.set(certificate, digest);
  return digest;
}

function principalsOf(participants: Cluster['participants']): ReadonlyMap<string, Principal> {
  return new Map(
    participants.map(({ certificateSha256, id, name }) => [
      certificateSha256,
      { role: 'participant', id, name },
    ]),
  );
}

function clientOf(authority: X509Certificate, certificate: X509Certificate): Principal | undefined {
  if (!certificate.checkIssued(authority) || !certificate.verify(authority.publicKey)) {
    return undefined;
  }
  // A name that is there twice comes as an array.
  const { OU, CN }: Readonly<Record<string, unknown>> = certificate.toLegacyObject().subject;
  if (OU !== 'client' || typeof CN !== 'string' || !clientNameForm.test(CN)) return undefined;
  // A client of that name could take the place of an order.
  if (CN === sessionsPrincipal) return undefined;
  return { role: 'client', name: CN };
}

/** The holder of a trusted certificate. */
export interface Identity<Who extends Signer = Principal> {
  readonly principal: Who;
  readonly publicKey: KeyObject;
  /** The algorithm that goes with the key. */
  readonly signatureMethod: string;
  readonly validFromMs: number;
  readonly validToMs: number;
}

interface Known<Who extends Signer> extends Identity<Who> {
  readonly certificate: X509Certificate;
}

/** Trusted certificates remembered at a time; others are read anew for every message. */
const identitiesMax = 1024;

/** Longer tokens are refused unread. */
const tokenLengthMax = 16_384;

/** Reads security tokens, each trusted one only once. One that a renewal has superseded is nobody's from then on. */
export class Identities<Who extends Signer = Principal> {
  readonly #trust: Trust<Who>;
  readonly #known = new LRUCache<string, Known<Who>>({ max: identitiesMax });

  constructor(trust: Trust<Who>) {
    this.#trust = trust;
  }

  /** Whose certificate (DER in base64) it is. Throws a `wsse` fault where it is nobody's now. */
  identify(token: string, nowMs: number): Identity<Who> {
    if (token.length > tokenLengthMax) throw securityFaults.invalidSecurityToken('too long');
    const identity = this.#known.get(token) ?? this.#read(token);
    if (!this.#isTrusted(identity))
      throw securityFaults.failedAuthentication('unknown certificate');
    const isValid = nowMs >= identity.validFromMs && nowMs <= identity.validToMs;
    if (!isValid) {
      throw securityFaults.failedAuthentication('the certificate is not valid now');
    }
    return identity;
  }

  /** A client is trusted by what its certificate says; a member while its certificate is the one on the list. */
  #isTrusted({ principal, certificate }: Known<Who>): boolean {
    return principal.role === 'client' || this.#trust(certificate) !== undefined;
  }

  #read(token: string): Known<Who> {
    const certificate = readCertificate(token);
    const principal = this.#trust(certificate);
    if (principal === undefined) throw securityFaults.failedAuthentication('unknown certificate');
    const known = {
      principal,
      certificate,
      publicKey: certificate.publicKey,
      signatureMethod: methodOf(certificate.publicKey),
      validFromMs: Date.parse(certificate.validFrom),
      validToMs: Date.parse(certificate.validTo),
    };
    // The token itself would keep the whole message in memory.
    this.#known.set(Buffer.from(token).toString(), known);
    return known;
  }
}

function readCertificate(token: string): X509Certificate {
  try {
    return new X509Certificate(Buffer.from(token, 'base64'));
  } catch {
    throw securityFaults.invalidSecurityToken('not a certificate');
  }
}

function methodOf(publicKey: KeyObject): string {
  try {
    return signatureMethodOf(publicKey);
  } catch {
    throw securityFaults.unsupportedAlgorithm('kind of key');
  }
}
