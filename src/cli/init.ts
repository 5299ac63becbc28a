import { access, mkdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { newMember } from '../agreement/core/abstentions.js';
import type { Cluster } from '../kernel/cluster.js';
import { loadCluster, nameField, nodeNameField } from '../kernel/config/cluster-file.js';
import { ConfigError, check, isMissing } from '../kernel/config/config-error.js';
import { makeCluster, type NewCluster, newClient } from '../kernel/config/new-cluster.js';
import { type Credential, issueAuthority } from '../kernel/config/x509.js';
import { createStore, openStore } from '../kernel/store/store.js';
import { newSessionMember } from '../session/node/session-member.js';

export interface InitOptions extends NewCluster {
  /** Where to write; made if missing. */
  readonly directory: string;
}

/**
 * Makes a new cluster: `cluster.json`, which everybody shares; `nodes/<name>.json`, private to each
 * node; `data/<name>`, where the data of each coordinator and bank begin; and `authority-key.pem`, which `addClient`
 * needs and no node does. Gives the paths of the files written.
 * Throws `ConfigError` where the directory holds a cluster already or an option cannot be.
 */
export async function initCluster(options: InitOptions): Promise<{ files: string[] }> {
  const file = paths(options.directory);
  for (const path of [file.cluster, file.authorityKey]) await refuseToOverwrite(path);

  const authority = issueAuthority(check('cluster id', nameField, options.clusterId));
  const { cluster, nodes } = makeCluster(options, authority);
  const coordinators = nodes.filter(({ role }) => role === 'coordinator');
  const banks = nodes.filter(({ role }) => role === 'participant');
  const fronts = nodes.filter(({ role }) => role === 'front');
  const gateways = nodes.filter(({ role }) => role === 'gateway');
  for (const { name } of [...coordinators, ...banks, ...fronts, ...gateways]) {
    await refuseToOverwrite(file.data(name));
  }
  await mkdir(file.nodes, { recursive: true });
  await writePrivate(file.authorityKey, authority.privateKey);
  for (const node of nodes) await writePrivate(file.node(node.name), json(node));
  await Promise.all(coordinators.map(({ name }) => writeStores(file.data(name))));
  // A bank that finds no store has lost it, and must not open its accounts again.
  await Promise.all(banks.map(({ name }) => createStore(join(file.data(name), 'store'))));
  // Nor must a front door take for new what it has forgotten.
  await Promise.all(fronts.map(({ name }) => createStore(join(file.data(name), 'requests'))));
  // A gateway is a participant, and has promised plain software things besides.
  for (const { name } of gateways) {
    await createStore(join(file.data(name), 'store'));
    await createStore(join(file.data(name), 'gateway'));
  }
  // Last, so that a cluster file stands for a complete cluster.
  await writeFile(file.cluster, json(cluster), { flag: 'wx' });
  return {
    files: [file.cluster, file.authorityKey, ...nodes.map(({ name }) => file.node(name))],
  };
}

/** Takes away what `initCluster` has just made of these files, and what the nodes have written since. */
export async function removeCluster(directory: string, files: readonly string[]): Promise<void> {
  const file = paths(directory);
  for (const path of files) {
    await rm(path, { force: true });
    await rm(file.data(basename(path, '.json')), { recursive: true, force: true });
  }
  // They stay where anything else is in them.
  for (const path of [file.nodes, join(directory, 'data')]) {
    await rmdir(path).catch(() => undefined);
  }
}

/**
 * Issues a certificate to a further client and writes its node file.
 * Throws `ConfigError` where the name is taken or the authority's key is not there.
 */
export async function addClient(options: {
  directory: string;
  name: string;
}): Promise<{ files: string[] }> {
  const file = paths(options.directory);
  const name = check('client name', nodeNameField, options.name);
  const cluster = await loadCluster(file.cluster);
  const { coordinators, initiators, participants, fronts } = cluster;
  if ([...coordinators, ...initiators, ...participants, ...fronts].some((m) => m.name === name)) {
    throw new ConfigError(`"${name}" is a member of the cluster; choose another name`);
  }
  await refuseToOverwrite(file.node(name));
  await refuseToOverwrite(issuedPath(options.directory, name));
  const authority = await loadAuthority(options.directory, cluster);
  await writePrivate(file.node(name), json(newClient(name, cluster.id, authority)));
  return { files: [file.node(name)] };
}

interface Paths {
  readonly cluster: string;
  readonly authorityKey: string;
  readonly nodes: string;
  node(name: string): string;
  data(name: string): string;
}

function paths(directory: string): Paths {
  const nodes = join(directory, 'nodes');
  return {
    cluster: join(directory, 'cluster.json'),
    authorityKey: join(directory, 'authority-key.pem'),
    nodes,
    node: (name) => join(nodes, `${name}.json`),
    data: (name) => join(directory, 'data', name),
  };
}

async function refuseToOverwrite(path: string): Promise<void> {
  try {
    await access(path);
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  throw new ConfigError(`${path} exists already; choose another name or directory, or remove it`);
}

/** Where it is kept which key a certificate was issued for, besides those of private files in the directory. */
export function issuedPath(directory: string, name: string): string {
  return join(directory, 'issued', `${name}.request`);
}

/** The cluster's authority. Throws `ConfigError` where its key is not in the directory. */
export async function loadAuthority(directory: string, cluster: Cluster): Promise<Credential> {
  const privateKey = await readAuthorityKey(paths(directory).authorityKey);
  return { certificate: cluster.authority, privateKey };
}

async function readAuthorityKey(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new ConfigError(`${path}: no such file; add clients where the cluster was made`);
  }
}

/** So that a coordinator that finds an empty store knows that it has lost what was in it. */
async function writeStores(dataDir: string): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  for (const [name, records] of [
    ['store', newMember],
    // Also where there are no sessions yet: they can be added to a cluster that runs.
    ['sessions', newSessionMember],
  ] as const) {
    const store = await openStore(join(dataDir, name));
    await store.write(records);
    await store.close();
  }
}

/** Never replaces a file, and lets nobody but its owner read it. */
async function writePrivate(path: string, text: string): Promise<void> {
  await writeFile(path, text, { flag: 'wx', mode: 0o600 });
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
