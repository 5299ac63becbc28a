import type { AgreementName, Binding, EngineName, Timing } from '../cluster.js';
import {
  type ClusterFile,
  clusterSchema,
  countField,
  nameField,
  nodeNameField,
} from './cluster-file.js';
import { ConfigError, check } from './config-error.js';
import {
  type ClientNode,
  type InitialAccount,
  type ListenAddress,
  type NodeFile,
  nodeSchema,
} from './node-file.js';
import {
  type CertificateSubject,
  type Credential,
  certificateSha256,
  issueCertificate,
  newStatementKey,
} from './x509.js';

/** Where the nodes of a new cluster live. */
export type Layout =
  /** All on one machine, on ports counted from `basePort`. */
  | { readonly kind: 'local'; readonly host: string; readonly basePort: number }
  /** Each in a container whose host name is the node's name, all on the same ports. */
  | { readonly kind: 'compose' };

export interface NodePlace {
  readonly name: string;
  /** Host name or IP address for the certificate. */
  readonly host: string;
  readonly url: string;
  readonly listen: ListenAddress;
  /** As the node file has it: relative to that file, or absolute. */
  readonly dataDir: string;
  /** Where peers reach a coordinator, and where it listens for them. */
  readonly peer: ListenAddress;
  readonly peerListen: ListenAddress;
}

const containerPorts = { http: 8080, peer: 9443 };

/** Gives every node its place. HTTP ports come first, in the order of the names; peer ports follow. */
function layOut(layout: Layout, names: readonly string[]): NodePlace[] {
  switch (layout.kind) {
    case 'local':
      return onOneHost(layout.host, layout.basePort, names);
    case 'compose':
      return names.map(inContainer);
  }
}

function onOneHost(host: string, basePort: number, names: readonly string[]): NodePlace[] {
  const last = basePort + 2 * names.length - 1;
  if (!Number.isSafeInteger(basePort) || basePort < 1 || last > 65_535) {
    throw new ConfigError(
      `basePort: ${names.length} nodes need ports ${basePort} to ${last}; ` +
        `choose a whole number from 1 to ${65_536 - 2 * names.length}`,
    );
  }
  const authority = host.includes(':') ? `[${host}]` : host;
  return names.map((name, index) => {
    const listen = { host, port: basePort + index };
    const peer = { host, port: basePort + names.length + index };
    const url = `http://${authority}:${listen.port}`;
    return { name, host, url, listen, dataDir: `../data/${name}`, peer, peerListen: peer };
  });
}

function inContainer(name: string): NodePlace {
  return {
    name,
    host: name,
    url: `http://${name}:${containerPorts.http}`,
    listen: { host: '0.0.0.0', port: containerPorts.http },
    dataDir: '/var/lib/concordat',
    peer: { host: name, port: containerPorts.peer },
    peerListen: { host: '0.0.0.0', port: containerPorts.peer },
  };
}

/** What a new cluster shall be. */
export interface NewCluster {
  /** Its name: letters, digits, `.`, `_`, `-`, at most 63. */
  readonly clusterId: string;
  /** How many coordinator replicas, and how many initiator replicas, may be Byzantine. */
  readonly f: number;
  /** Number of coordinators; `3f + 1` unless given. */
  readonly n?: number;
  /** Number of initiators; `2f + 1` unless given. */
  readonly initiators?: number;
  /** Names of the banks; `bank-a` and `bank-b` unless given. */
  readonly participants?: readonly string[];
  /** Participants that are no banks, by name: the paths of their modules, if they have any. */
  readonly services?: Readonly<Record<string, string | undefined>>;
  /** Participants in front of services in any language, by name: the addresses of the services. */
  readonly sidecars?: Readonly<Record<string, string>>;
  /** Applications of initiators, by name: the paths of their modules. */
  readonly applications?: Readonly<Record<string, string>>;
  /** Names of gateways for plain WS-AtomicTransaction software; none unless given. */
  readonly gateways?: readonly string[];
  /** Names of the clients; `alice` unless given. */
  readonly clients?: readonly string[];
  /** Sessions; none unless given. */
  readonly sessions?: NewSessions;
  /** Durations other than the usual ones. */
  readonly timing?: Partial<Timing>;
  /** Finished transactions that coordinators remember; the usual number unless given. */
  readonly retainedTransactions?: number;
  /** How its nodes send messages to each other; `soap` unless given. */
  readonly binding?: Binding;
  /** How its coordinators agree; `three-phase` unless given. */
  readonly agreement?: AgreementName;
  /** Where its nodes live. */
  readonly layout: Layout;
}

/** The sessions of a new cluster: which engine orders their operations, and which applications they are of. */
export interface NewSessions {
  /** Which engine puts operations into one order. */
  readonly engine: EngineName;
  /** By name: the path of the application's module, or the name of a built-in application. */
  readonly modules: Readonly<Record<string, string>>;
}

const usualTiming: Timing = {
  suspectAfterMs: 1500,
  resendAfterMs: 400,
  voteTimeoutMs: 10_000,
  defaultExpiresMs: 30_000,
};

/**
 * With a gateway: plain participants say Prepared again after 5 s, and once more 5 to 10 s later where that is lost too
 * (Narayana's own timing).
 */
const voteTimeoutOfPlainMs = 20_000;

function timingOf({ gateways = [], timing }: NewCluster): Timing {
  const isPlain = gateways.length > 0;
  return { ...usualTiming, ...(isPlain && { voteTimeoutMs: voteTimeoutOfPlainMs }), ...timing };
}

const openingAccounts: readonly InitialAccount[] = [
  { account: 'alice', amountMinor: 100_000, currency: 'EUR' },
  { account: 'bob', amountMinor: 50_000, currency: 'EUR' },
];
const openedLater: InitialAccount = { account: 'carol', amountMinor: 25_000, currency: 'EUR' };

/**
 * What the first bank holds at the start, the second, and every further one. The account belongs to the
 * client of its name, or to the first client where there is none; front doors pay for their callers.
 */
function openingAccount(
  bank: number,
  { clients, fronts }: ReturnType<typeof namesOf>,
): InitialAccount {
  const opened = openingAccounts[bank] ?? openedLater;
  const owner = clients.includes(opened.account) ? opened.account : clients[0];
  return { ...opened, owners: [...(owner === undefined ? [] : [owner]), ...fronts] };
}

/**
 * Makes the content of the cluster file and of all node files, with fresh keys, and checks it as
 * it will be when it is loaded. Throws `ConfigError` where an option cannot be.
 */
export function makeCluster(
  options: NewCluster,
  authority: Credential,
): { cluster: ClusterFile; nodes: NodeFile[] } {
  const names = namesOf(options);
  const places = layOut(options.layout, names.members);
  const placesOf = (list: readonly string[]) => places.filter(({ name }) => list.includes(name));
  const issue = (place: NodePlace, unit: string) =>
    issueNode(place, { commonName: place.name, unit, organization: options.clusterId }, authority);

  const coordinators = placesOf(names.coordinators).map((place, id) => {
    const { member, node } = withStatementKey(place, issue(place, 'coordinator'));
    return {
      member: { id, ...member, peer: place.peer },
      node: {
        role: 'coordinator' as const,
        ...node,
        peerListen: place.peerListen,
        ...(options.sessions && { applications: options.sessions.modules }),
      },
    };
  });
  const initiators = placesOf(names.initiators).map((place, id) => {
    const { member, node } = withStatementKey(place, issue(place, 'initiator'));
    const { applications } = options;
    return {
      member: { id, ...member },
      node: { role: 'initiator' as const, ...node, ...(applications && { applications }) },
    };
  });
  const participants = placesOf(names.participants).map((place, index) => {
    const { member, node } = withStatementKey(place, issue(place, 'participant'));
    return {
      member: { id: place.name, ...member },
      node: { role: 'participant' as const, ...node, accounts: [openingAccount(index, names)] },
    };
  });
  const services = placesOf(names.services).map((place) => {
    const { member, node } = withStatementKey(place, issue(place, 'participant'));
    return {
      member: { id: place.name, ...member },
      node: { role: 'participant' as const, ...node, accounts: [], ...ownOf(options, place.name) },
    };
  });
  const gateways = placesOf(names.gateways).map((place) => {
    const { member, node } = withStatementKey(place, issue(place, 'participant'));
    const { name, certificate, privateKey } = newClient(
      clientOfGateway(place.name),
      options.clusterId,
      authority,
    );
    return {
      member: { id: place.name, ...member },
      node: {
        role: 'gateway' as const,
        ...node,
        client: { name, certificate, privateKey },
        plain: plainSideOf(place),
      },
    };
  });
  const fronts = placesOf(names.fronts).map((place) => {
    // To the initiators a front door is a client like any other.
    const { member, node } = issue(place, 'client');
    return { member, node: { role: 'front' as const, ...node, dataDir: place.dataDir } };
  });
  const clients = names.clients.map((name) => newClient(name, options.clusterId, authority));

  const cluster = check('new cluster', clusterSchema, {
    id: options.clusterId,
    f: options.f,
    authority: authority.certificate,
    coordinators: coordinators.map(({ member }) => member),
    initiators: initiators.map(({ member }) => member),
    participants: [...participants, ...services, ...gateways].map(({ member }) => member),
    fronts: fronts.map(({ member }) => member),
    allowedOrigins: [],
    timing: timingOf(options),
    binding: options.binding,
    agreement: options.agreement,
    retainedTransactions: options.retainedTransactions,
    ...(options.sessions && { sessions: settingOf(options.sessions) }),
  });
  const signers = [...coordinators, ...initiators, ...participants, ...services, ...gateways];
  const members = [...signers, ...fronts];
  const nodes = [...members.map(({ node }) => node), ...clients];
  return { cluster, nodes: nodes.map((node) => check(`node ${node.name}`, nodeSchema, node)) };
}

/** What a participant that is no bank does, as its file says. */
function ownOf({ services, sidecars }: NewCluster, name: string) {
  const [service, url] = [services?.[name], sidecars?.[name]];
  if (url !== undefined) return { sidecar: { url } };
  return service ? { service } : {};
}

function settingOf({ engine, modules }: NewSessions) {
  for (const name of Object.keys(modules)) check('application name', nameField, name);
  return { engine, applications: Object.keys(modules) };
}

/** Makes the content of a client's node file, with a fresh key. */
export function newClient(name: string, clusterId: string, authority: Credential): ClientNode {
  const subject = { commonName: name, unit: 'client', organization: clusterId };
  return {
    role: 'client',
    name,
    clusterFile,
    ...issueCertificate(authority, subject, []),
  };
}

const clusterFile = '../cluster.json';

/** A gateway is a client as well, under this name. */
function clientOfGateway(name: string): string {
  return `${name}-client`;
}

/** Plain software has a port of its own, which a coordinator would have for its peers. */
function plainSideOf({ url, peer, peerListen }: NodePlace) {
  const address = new URL(url);
  address.port = String(peer.port);
  return { listen: peerListen, url: address.origin, allowedOrigins: [] };
}

function namesOf(options: NewCluster) {
  const { f, n, initiators, participants, clients } = options;
  const { services = {}, sidecars = {}, gateways = [] } = options;
  for (const [option, value] of Object.entries({ f, n, initiators })) {
    if (value !== undefined) check(option, countField, value);
  }
  const lists = {
    coordinators: numbered('coordinator', n ?? 3 * f + 1),
    initiators: numbered('initiator', initiators ?? 2 * f + 1),
    participants: participants ?? ['bank-a', 'bank-b'],
    services: [...Object.keys(services), ...Object.keys(sidecars)],
    fronts: ['front'],
    gateways,
  };
  const names = { ...lists, members: Object.values(lists).flat(), clients: clients ?? ['alice'] };
  const taken = new Set<string>();
  for (const name of [...names.members, ...names.clients, ...gateways.map(clientOfGateway)]) {
    check(`name ${JSON.stringify(name)}`, nodeNameField, name);
    if (taken.has(name)) throw new ConfigError(`two nodes are named "${name}"; rename one`);
    taken.add(name);
  }
  return names;
}

function numbered(role: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${role}-${index}`);
}

function issueNode(place: NodePlace, subject: CertificateSubject, authority: Credential) {
  const { name, url, listen } = place;
  const credential = issueCertificate(authority, subject, [place.host]);
  return {
    member: { name, url, certificateSha256: certificateSha256(credential.certificate) },
    node: { name, clusterFile, ...credential, listen },
  };
}

function withStatementKey({ dataDir }: NodePlace, { member, node }: ReturnType<typeof issueNode>) {
  const { privateKey, publicKey } = newStatementKey();
  return {
    member: { ...member, statementKey: publicKey },
    node: { ...node, statementKey: privateKey, dataDir },
  };
}
