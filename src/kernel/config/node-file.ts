import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import type {
  Cluster,
  CoordinatorMember,
  FrontMember,
  InitiatorMember,
  Member,
  ParticipantMember,
} from '../cluster.js';
import { applicationsMax, hostField, nameField, portField, urlField } from './cluster-file.js';
import { ConfigError, readJson } from './config-error.js';
import { httpServiceSchema } from './http-service.js';
import { checkPlain, pathField, plainFields, withPaths } from './plain-service.js';
import { certificateSha256, rawPublicKey } from './x509.js';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** An account that a bank opens when its store is empty. */
export interface InitialAccount {
  readonly account: string;
  /** Balance in the currency's smallest unit. */
  readonly amountMinor: number;
  /** ISO 4217 code. */
  readonly currency: string;
  /**
   * Names of the clients that may debit and read the account; `name*` means all whose names begin so. The
   * client of the account's own name where not given.
   */
  readonly owners?: string[] | undefined;
  /** Names, likewise, of clients that may read it besides. */
  readonly readers?: string[] | undefined;
}

const clientRules = z
  .array(z.string().regex(/^(\*|[A-Za-z0-9][A-Za-z0-9._-]{0,62}\*?)$/, 'must be a name, or name*'))
  .max(256, 'must be at most 256')
  .optional();
const accountField = z.strictObject({
  account: z.string().min(1, 'must not be empty').max(128, 'must be at most 128 characters'),
  amountMinor: z.int('must be a whole number of the smallest unit').min(0, 'must not be negative'),
  currency: z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code such as "EUR"'),
  owners: clientRules,
  readers: clientRules,
});
const proxyField = z.union(
  [z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()],
  'must be an address or a network such as 10.0.0.0/8',
);
const listenField = z.strictObject({ host: hostField, port: portField });
const moduleField = z
  .string()
  .min(1, 'must be a path, or the name of a built-in application')
  .max(4096, 'must be at most 4096 characters');
const certificateField = z
  .string('must be a PEM certificate; "concordat join" puts that of a newcomer here')
  .refine(isCertificate, 'must be a PEM certificate');
const keyField = (type: 'ec' | 'ed25519', what: string) =>
  z.string().refine((pem) => privateKey(pem)?.asymmetricKeyType === type, `must be ${what} in PEM`);

const client = {
  name: nameField,
  clusterFile: pathField,
  certificate: certificateField,
  privateKey: keyField('ec', 'an EC private key'),
};
/** What a node does that cannot write its log: goes on and says so, or ends with status 5. */
const logFailureField = z.enum(['continue', 'stop'], 'must be "continue" or "stop"').optional();

/** Worker threads besides the main one. */
const threadsField = z
  .int('must be a whole number from 0 to 64')
  .min(0, 'must be 0 to 64')
  .max(64, 'must be 0 to 64')
  .optional();
const shareField = z.int('must be a whole number').min(1).max(2048).optional();
/** How a node serves HTTP. */
const serving = {
  listen: listenField,
  /** The address at which a proxy or another network has the node. */
  publicUrl: urlField.optional(),
  allowedHosts: z.array(hostField).max(64, 'must be at most 64').optional(),
  trustedProxies: z.array(proxyField).max(64, 'must be at most 64').optional(),
  /** What one address may take. */
  limits: z
    .strictObject({
      connectionsPerAddress: shareField,
      requestsPerAddress: shareField,
      streamsPerAddress: shareField,
    })
    .optional(),
};

const front = { ...client, ...serving, logFailure: logFailureField };
const signing = {
  ...front,
  statementKey: keyField('ed25519', 'an Ed25519 private key'),
  dataDir: pathField,
};

/** For the files of nodes that have no worker threads. */
const withoutThreads = {
  error: (issue: object) =>
    'keys' in issue && Array.isArray(issue.keys) && issue.keys.includes('threads')
      ? 'threads: only a coordinator and a participant take it; leave it out here'
      : undefined,
};

const modulesField = z
  .record(nameField, moduleField)
  .refine(
    (modules) => Object.keys(modules).length <= applicationsMax,
    `must be at most ${applicationsMax}`,
  );

const shapes = {
  coordinator: z.strictObject({
    role: z.literal('coordinator'),
    ...signing,
    threads: threadsField,
    peerListen: listenField,
    /** Where the modules of the applications are: a path, or the name of a built-in one. */
    applications: modulesField.optional(),
  }),
  initiator: z.strictObject(
    {
      role: z.literal('initiator'),
      ...signing,
      /** Where the modules of the applications of one's own are. */
      applications: modulesField.optional(),
    },
    withoutThreads,
  ),
  participant: z.strictObject({
    role: z.literal('participant'),
    ...signing,
    threads: threadsField,
    accounts: z.array(accountField).max(10_000, 'must be at most 10000'),
    /** Where the module of a participant of one's own is; a bank unless given. */
    service: pathField.optional(),
    /** The service in any language that the node takes part for. */
    sidecar: httpServiceSchema.optional(),
  }),
  front: z.strictObject({ role: z.literal('front'), ...front, dataDir: pathField }, withoutThreads),
  gateway: z.strictObject(
    {
      role: z.literal('gateway'),
      ...signing,
      /** As what it drives transactions: a client of the cluster. */
      client: z
        .strictObject({
          name: nameField,
          certificate: certificateField,
          privateKey: client.privateKey,
        })
        .refine((own) => ownsCertificate(own), {
          path: ['privateKey'],
          message: 'is not the key of "certificate"; restore the pair that was made together',
        }),
      /** Where it serves plain WS-AtomicTransaction software, and which of it it calls. */
      plain: z.strictObject({ ...serving, ...plainFields }).superRefine((plain, context) => {
        checkPlain(plain, (path, message) => context.addIssue({ code: 'custom', path, message }));
      }),
    },
    withoutThreads,
  ),
  client: z.strictObject({ role: z.literal('client'), ...client }, withoutThreads),
};

export const nodeSchema = z
  .discriminatedUnion(
    'role',
    [
      shapes.coordinator,
      shapes.initiator,
      shapes.participant,
      shapes.front,
      shapes.gateway,
      shapes.client,
    ],
    'must be coordinator, initiator, participant, front, gateway or client; give the private file of a node',
  )
  .refine((node) => node.role !== 'participant' || !(node.service && node.sidecar), {
    path: ['sidecar'],
    message: 'must not be there beside "service"; keep one of them',
  })
  .refine((node) => ownsCertificate(node), {
    path: ['privateKey'],
    message: 'is not the key of "certificate"; restore the pair that was made together',
  });

/**
 * The private file of one node. Paths are absolute once loaded.
 * `certificate` and `privateKey` (P-256, PEM) serve WS-Security and TLS; `statementKey` (Ed25519,
 * PEM) signs statements and agreement messages.
 */
export type NodeFile = z.output<typeof nodeSchema>;
export type CoordinatorNode = z.output<typeof shapes.coordinator>;
export type InitiatorNode = z.output<typeof shapes.initiator>;
export type ParticipantNode = z.output<typeof shapes.participant>;
export type FrontNode = z.output<typeof shapes.front>;
export type GatewayNode = z.output<typeof shapes.gateway>;
/** The private file of a client. */
export type ClientNode = z.output<typeof shapes.client>;
export type NodeRole = NodeFile['role'];

const newcomerSchema = z.discriminatedUnion('role', [
  shapes.participant.partial({ certificate: true }),
  shapes.client.partial({ certificate: true }),
]);

/** The private file of a newcomer, which may still wait for its certificate. Paths are as the file has them. */
export type NewcomerFile = z.output<typeof newcomerSchema>;

/** Reads and checks a newcomer's private file. Throws as `loadNode` does. */
export function loadNewcomer(file: string): Promise<NewcomerFile> {
  return readJson(file, newcomerSchema);
}

/**
 * Reads and checks the private file of one node.
 * Throws `ConfigError`, which names each field at fault but quotes none.
 *
 * @example
 * ```ts
 * import { loadCluster, loadNode } from 'concordat/client';
 *
 * const node = await loadNode('.concordat/nodes/alice.json');
 * const cluster = await loadCluster(node.clusterFile);
 * console.log(`${node.name} is a ${node.role} of ${cluster.id}`);
 * ```
 */
export async function loadNode(file: string): Promise<NodeFile> {
  const node = await readJson(file, nodeSchema);
  const absolute = (path: string) => resolve(dirname(file), path);
  const clusterFile = absolute(node.clusterFile);
  if (!('dataDir' in node)) return { ...node, clusterFile };
  const dataDir = absolute(node.dataDir);
  if (node.role === 'participant' && node.service !== undefined) {
    return { ...node, clusterFile, dataDir, service: absolute(node.service) };
  }
  if (node.role === 'gateway') {
    return { ...node, clusterFile, dataDir, plain: withPaths(node.plain, absolute) };
  }
  if (!('applications' in node) || !node.applications) return { ...node, clusterFile, dataDir };
  const modules = Object.entries(node.applications).map(([name, module]) => [
    name,
    isPath(module) ? absolute(module) : module,
  ]);
  return { ...node, clusterFile, dataDir, applications: Object.fromEntries(modules) };
}

/** Whether it says where an application's module is; else it is the name of a built-in application. */
export function isPath(module: string): boolean {
  return module.includes('/');
}

/**
 * The member of the cluster that this node is.
 * Throws `ConfigError` where the cluster file has no such member, or has it with other keys.
 */
export function ownMember(cluster: Cluster, node: CoordinatorNode): CoordinatorMember;
export function ownMember(cluster: Cluster, node: InitiatorNode): InitiatorMember;
export function ownMember(cluster: Cluster, node: ParticipantNode): ParticipantMember;
export function ownMember(cluster: Cluster, node: FrontNode): FrontMember;
export function ownMember(cluster: Cluster, node: GatewayNode): ParticipantMember;
export function ownMember(cluster: Cluster, node: Exclude<NodeFile, ClientNode>): FrontMember {
  // To the cluster a gateway is a participant.
  const list = `${node.role === 'gateway' ? 'participant' : node.role}s` as const;
  const members: readonly (Member | FrontMember)[] = cluster[list];
  const member = members.find(({ name }) => name === node.name);
  if (member === undefined) {
    throw new ConfigError(
      `${node.clusterFile}: ${list} has no "${node.name}"; use the cluster file made with this node`,
    );
  }
  const mismatch = mismatchOf(member, node);
  if (mismatch !== undefined) {
    throw new ConfigError(
      `${node.clusterFile}: ${mismatch} of "${node.name}" is not the one in its own file; ` +
        'use the cluster file made with this node',
    );
  }
  return member;
}

function mismatchOf(
  member: Member | FrontMember,
  node: Exclude<NodeFile, ClientNode>,
): 'certificateSha256' | 'statementKey' | undefined {
  if (member.certificateSha256 !== certificateSha256(node.certificate)) return 'certificateSha256';
  if (!('statementKey' in member) || !('statementKey' in node)) return undefined;
  return member.statementKey === rawPublicKey(node.statementKey) ? undefined : 'statementKey';
}

function ownsCertificate(node: { certificate: string; privateKey: string }): boolean {
  return new X509Certificate(node.certificate).publicKey.equals(createPublicKey(node.privateKey));
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

function privateKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}
