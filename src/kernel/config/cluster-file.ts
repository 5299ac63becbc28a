import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { agreementNames, bindings, type Cluster, engineNames } from '../cluster.js';
import { limits } from '../codec/limits.js';
import {
  clusterId,
  initiatorId,
  participantId,
  replicaId,
  resilience,
  sessionsPrincipal,
} from '../ids.js';
import { readJson } from './config-error.js';

export const nameField = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
    'must be a name: a letter or digit, then at most 62 letters, digits, ".", "_" or "-"',
  );
/** Name of a node or a client. */
export const nodeNameField = nameField.refine(
  (name) => name !== sessionsPrincipal,
  `must not be "${sessionsPrincipal}": orders of sessions are carried out in that name`,
);
export const hostField = z
  .string()
  .regex(/^[A-Za-z0-9.:_-]{1,253}$/, 'must be a host name or an IP address');
export const portField = z
  .int('must be a port number')
  .min(1, 'must be a port number, 1 to 65535')
  .max(65_535, 'must be a port number, 1 to 65535');

/** Of replicas or initiators: no message lists more. */
export const countField = z
  .int('must be a whole number')
  .min(0, 'must not be negative')
  .max(limits.replicas, `must be at most ${limits.replicas}`);

/** A digest or a key; `what` names it. */
export const hex64 = (what: string) =>
  z.string().regex(/^[0-9a-f]{64}$/, `must be ${what}: 64 lower-case hexadecimal digits`);

export const durationField = z
  .int('must be a whole number of milliseconds')
  .min(1, 'must be at least 1 millisecond')
  .max(86_400_000, 'must be at most one day, 86400000 milliseconds');

/** A registration holds the address of a service there. */
const urlBytesMax = limits.addressBytes - '/participant'.length;

export const urlField = z
  .string()
  .refine(isBaseUrl, 'must be an http or https address without "/" at the end, query or fragment')
  .refine(
    (url) => Buffer.byteLength(url) <= urlBytesMax,
    `must have at most ${urlBytesMax} bytes, so that a registration can hold it`,
  );

const member = {
  name: nodeNameField,
  url: urlField,
  certificateSha256: hex64('the SHA-256 of the DER certificate'),
};
const signingMember = {
  ...member,
  statementKey: hex64('a raw Ed25519 public key'),
};
const peerField = z.strictObject({ host: hostField, port: portField });
const instantField = z.int('must be milliseconds since 1970').min(0);
const indexField = z.int('must be the position in this list, counted from 0').min(0);

/** Participants of one cluster. */
export const participantsMax = 1000;
/** Applications of one cluster. */
export const applicationsMax = 16;
/** What coordinators serve themselves; an application's pages are under its name. */
const ownPaths: readonly string[] = [
  'activation',
  'completion',
  'coordinator',
  'healthz',
  'members',
  'proof',
  'registration',
  'session',
  'sessions',
  'state',
  'status',
];
const applicationField = nameField.refine(
  (name) => !ownPaths.includes(name),
  'must be another name: coordinators serve something else there',
);

/** Why sessions cannot have an engine that there is. */
export const noSessionsOnEzbft =
  'ezbft puts only what interferes in order, and receipts and proofs of sessions name one position';

const knownEngines = `must be one of ${engineNames.join(', ')}`;

function engineHint({ input }: { readonly input?: unknown }): string {
  return input === 'ezbft' ? `${knownEngines}; ${noSessionsOnEzbft}` : knownEngines;
}

const shape = z.strictObject({
  id: nameField,
  f: countField,
  authority: z.string().refine(isAuthority, 'must be the PEM certificate of a CA'),
  coordinators: z
    .array(z.strictObject({ id: indexField, ...signingMember, peer: peerField }))
    .max(limits.replicas, `must be at most ${limits.replicas}`),
  initiators: z
    .array(z.strictObject({ id: indexField, ...signingMember }))
    .max(limits.replicas, `must be at most ${limits.replicas}`),
  participants: z
    .array(
      z.strictObject({ id: nameField, ...signingMember, validFromMs: instantField.optional() }),
    )
    .max(participantsMax, `must be at most ${participantsMax}`),
  fronts: z.array(z.strictObject(member)).max(100, 'must be at most 100'),
  allowedOrigins: z.array(z.string().refine(isOrigin, 'must be an origin: scheme://host:port')),
  timing: z.strictObject({
    suspectAfterMs: durationField,
    resendAfterMs: durationField,
    voteTimeoutMs: durationField,
    defaultExpiresMs: durationField,
  }),
  binding: z.enum(bindings, `must be one of ${bindings.join(', ')}`).default('soap'),
  agreement: z
    .enum(agreementNames, `must be one of ${agreementNames.join(', ')}`)
    .default('three-phase'),
  retainedTransactions: z
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(50_000, 'must be at most 50000')
    .default(5_000),
  owedTransactions: z
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(4_096, 'must be at most 4096')
    .default(256),
  sessions: z
    .strictObject({
      engine: z.enum(engineNames, { error: engineHint }).default('antipaxos'),
      applications: z
        .array(applicationField)
        .min(1, 'must name an application; leave "sessions" out for a cluster without any')
        .max(applicationsMax, `must be at most ${applicationsMax}`)
        .refine((names) => new Set(names).size === names.length, 'must name each only once'),
    })
    .optional(),
});

/** `cluster.json` as it stands in the file. `n` is the number of coordinators. */
export type ClusterFile = z.output<typeof shape>;

export const clusterSchema = shape.superRefine((file, context) => {
  const fault = (path: PropertyKey[], message: string) =>
    context.addIssue({ code: 'custom', path, message });
  const { f, coordinators, initiators, participants, fronts } = file;

  if (coordinators.length < 3 * f + 1) {
    fault(
      ['coordinators'],
      `lists ${coordinators.length}, but f = ${f} needs 3f + 1 = ${3 * f + 1}; add some or lower f`,
    );
  }
  if (initiators.length < 2 * f + 1) {
    fault(
      ['initiators'],
      `lists ${initiators.length}, but f = ${f} needs 2f + 1 = ${2 * f + 1}; add some or lower f`,
    );
  }
  if (file.agreement === 'two-step' && f === 0) {
    fault(
      ['agreement'],
      'needs f of at least 1: two steps are of use only where a replica may be faulty',
    );
  }
  for (const [list, members] of Object.entries({ coordinators, initiators })) {
    for (const [index, { id }] of members.entries()) {
      if (id !== index) fault([list, index, 'id'], `is ${id} but must be its position, ${index}`);
    }
  }
  for (const [index, { id, name }] of participants.entries()) {
    if (id !== name) fault(['participants', index, 'id'], `must be as its name, "${name}"`);
  }

  for (const { path, message } of shared({ coordinators, initiators, participants, fronts })) {
    fault(path, message);
  }
});

const own = ['name', 'url', 'certificateSha256', 'statementKey'] as const;

/** Fields that two members share. One key under two names could count twice in a quorum. */
function* shared(
  lists: Record<string, readonly { readonly [Field in (typeof own)[number]]?: string }[]>,
): Generator<{ path: PropertyKey[]; message: string }> {
  const owners = new Map<string, string>();
  for (const [list, members] of Object.entries(lists)) {
    for (const [index, entry] of members.entries()) {
      for (const field of own) {
        if (entry[field] === undefined) continue;
        const key = `${field} ${entry[field]}`;
        const owner = owners.get(key);
        if (owner === undefined) owners.set(key, `${list}[${index}]`);
        else {
          const message = `is that of ${owner} too; every member needs its own`;
          yield { path: [list, index, field], message };
        }
      }
    }
  }
}

/**
 * Reads and checks the cluster's public file.
 * Throws `ConfigError`, which names each field at fault and what to do about it.
 *
 * @example
 * ```ts
 * import { loadCluster } from 'concordat/client';
 *
 * const { id, participants } = await loadCluster('.concordat/cluster.json');
 * console.log(id, participants.map(({ name }) => name));
 * ```
 */
export async function loadCluster(file: string): Promise<Cluster> {
  return toCluster(await readJson(file, clusterSchema));
}

/** The file's content in the words of the project. The content has passed `clusterSchema`. */
export function toCluster(file: ClusterFile): Cluster {
  return {
    id: clusterId(file.id),
    resilience: resilience(file.coordinators.length, file.f),
    authority: file.authority,
    coordinators: file.coordinators.map((entry) => ({ ...entry, id: replicaId(entry.id) })),
    initiators: file.initiators.map((entry) => ({ ...entry, id: initiatorId(entry.id) })),
    participants: file.participants.map((entry) => ({ ...entry, id: participantId(entry.id) })),
    fronts: file.fronts,
    allowedOrigins: file.allowedOrigins,
    timing: file.timing,
    binding: file.binding,
    agreement: file.agreement,
    retainedTransactions: file.retainedTransactions,
    owedTransactions: file.owedTransactions,
    sessions: file.sessions,
  };
}

export function isBaseUrl(text: string): boolean {
  if (!URL.canParse(text) || /[/?#]$/.test(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && username + password + search + hash === '';
}

export function isOrigin(text: string): boolean {
  return isBaseUrl(text) && new URL(text).origin === text;
}

function isAuthority(pem: string): boolean {
  try {
    return new X509Certificate(pem).ca;
  } catch {
    return false;
  }
}
