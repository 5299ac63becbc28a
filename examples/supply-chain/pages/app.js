import { readIdentity } from './bytes.js';
import { byId, download } from './dom.js';
import { historyView } from './history-view.js';
import { Nodes } from './nodes.js';
import { checkOperation, checkState, readClusterFile } from './proofs.js';
import { isFinal, Session } from './session.js';
import { clearOperations, showOperation } from './steps-view.js';

const application = 'supply-chain';
/** What needs an open session. */
const inSession = ['scan', 'validate', 'release', 'passed', 'failed', 'label', 'commit', 'end'];

let cluster;
/** What proofs are checked with, from the operator's own file. */
let keys;
let nodes;
let identity;
let session;
let deliveryNote;
let shownPackage;

/** Runs what an operator asked for, and says what went wrong if it did. */
function run(work) {
  byId('problem').hidden = true;
  Promise.resolve()
    .then(work)
    .catch((error) => {
      byId('problem').textContent = error.message;
      byId('problem').hidden = false;
    });
}

function on(id, event, work) {
  byId(id).addEventListener(event, (occurred) => {
    occurred.preventDefault();
    run(work);
  });
}

function textOf(id) {
  return byId(id).value.trim();
}

function enable() {
  const open = session !== undefined && !session.ended;
  for (const id of inSession) byId(id).disabled = !open;
  byId('book-in').disabled = !open || deliveryNote === undefined;
  byId('start').disabled = identity === undefined || cluster === undefined || open;
  byId('session').textContent = session
    ? `${session.id.slice(0, 8)} of ${identity.owner}${session.ended ? ', ended' : ''}`
    : 'none';
}

async function connect() {
  if (!globalThis.isSecureContext) {
    throw new Error(
      'The browser signs on https and localhost only; open this page on one of them.',
    );
  }
  const own = location.origin;
  nodes = new Nodes([own], showNode);
  const found = await nodes.ask(() => ({ path: '/sessions' }));
  const urls = (found.nodes ?? []).map(({ url }) => new URL(url).origin);
  nodes = new Nodes([own, ...urls.filter((url) => url !== own)], showNode);
  cluster = found.cluster;
  showNode({ url: own, state: 'up' });
  enable();
}

function showNode({ url, state }) {
  const words = { up: 'served by', busy: 'busy, trying again soon:', down: 'no answer from' };
  const shown = byId('node');
  shown.dataset.state = state;
  shown.dataset.url = url;
  shown.textContent = `${cluster ? `${cluster}, ` : ''}${words[state]} ${new URL(url).host}`;
}

function showStep(operation) {
  if (keys !== undefined && isFinal(operation)) {
    operation.verdict = checkOperation(keys, session.id, operation);
  }
  showOperation(operation);
  const concerns = operation.payload?.includes(`"package":${JSON.stringify(shownPackage)}`);
  if (concerns && isFinal(operation)) run(() => showHistory(shownPackage));
}

/** Takes a step by the operator's own clock. */
function take(step) {
  return session.perform({ ...step, at: new Date().toISOString() });
}

async function chooseKey() {
  const [file] = byId('key-file').files;
  if (file === undefined) return;
  identity = undefined;
  enable();
  identity = await readIdentity(await file.text());
  byId('operator').textContent = `You are ${identity.owner}.`;
  enable();
}

async function chooseCluster() {
  const [file] = byId('cluster-file').files;
  if (file === undefined) return;
  keys = undefined;
  byId('trust').textContent = 'Without it, this page believes its node.';
  keys = readClusterFile(await file.text(), cluster);
  byId('trust').textContent = 'This page verifies each proof by it.';
  for (const operation of session?.operations ?? []) showStep(operation);
  if (shownPackage !== undefined) await showHistory(shownPackage);
}

async function start() {
  session?.close();
  clearOperations();
  session = await Session.begin({ cluster, application, identity, nodes, onChange: showStep });
  enable();
  byId('package').focus();
  await take({ do: 'start-work', station: textOf('station') });
}

async function chooseDelivery() {
  const [file] = byId('delivery-file').files;
  deliveryNote = undefined;
  enable();
  if (file === undefined) return;
  const note = await file
    .text()
    .then(JSON.parse)
    .catch(() => undefined);
  if (typeof note?.supplier !== 'string' || !Array.isArray(note.packages)) {
    throw new Error('This is no delivery note: it names no supplier or no packages.');
  }
  deliveryNote = note;
  enable();
}

/** Registers the supplier where it is new here, and books in each package. */
async function bookIn() {
  const { supplier, publicKey, packages } = deliveryNote;
  const known = await stateOf(`supplier/${supplier}`);
  if (known === undefined) await take({ do: 'register-supplier', supplier, publicKey });
  for (const item of packages) await take({ do: 'create-package', ...item, supplier });
  byId('package').value ||= packages[0]?.package ?? '';
}

async function scan() {
  const id = textOf('package');
  byId('history-package').value = id;
  // The next scan takes its place.
  byId('package').select();
  await take({ do: 'scan', package: id });
}

function check(passed) {
  const [id, notes] = [textOf('package'), textOf('notes')];
  return take({ do: 'quality-check', package: id, passed, notes });
}

function label() {
  const [courier, number] = [textOf('courier'), textOf('label-number')];
  return take({ do: 'label', package: textOf('package'), courier, label: number });
}

async function end() {
  const ending = session.end().finally(enable);
  enable();
  await ending;
}

function statePath(key) {
  return `/state/${application}/${encodeURIComponent(key)}`;
}

/** The agreed value, or `undefined` where there is none. */
async function stateOf(key) {
  return (await answerOf(statePath(key)))?.value;
}

/** The agreed value, and whether it is proved; `undefined` where there is none. */
async function provedStateOf(key) {
  if (keys === undefined) {
    const value = await stateOf(key);
    return (
      value && {
        standing: 'unverified',
        value,
        words: "Not verified: choose the cluster's public file.",
      }
    );
  }
  const proof = await answerOf(`${statePath(key)}/proof`);
  return proof && checkState(keys, proof, { application, key });
}

/** What a node answers, or `undefined` where it knows of none. */
async function answerOf(path) {
  try {
    return await nodes.ask(() => ({ path }));
  } catch (error) {
    if (error.status === 404) return undefined;
    throw error;
  }
}

/** Shows the history that is agreed upon; the last that was asked for, however late others come. */
async function showHistory(id) {
  const shown = byId('history');
  shownPackage = id;
  shown.ariaBusy = 'true';
  try {
    const state = await provedStateOf(`package/${id}`);
    const content = state === undefined ? [notThere(id)] : await historyView(state);
    if (shownPackage !== id) return;
    shown.replaceChildren(...content);
    shown.dataset.package = id;
    byId('proof').disabled = state === undefined;
  } finally {
    if (shownPackage === id) shown.ariaBusy = 'false';
  }
}

function notThere(id) {
  return `No package ${id} has been booked in with finality yet.`;
}

async function downloadProof() {
  const proof = await nodes.ask(() => ({ path: `${statePath(`package/${shownPackage}`)}/proof` }));
  download(`${shownPackage}.proof.json`, JSON.stringify(proof, null, 2));
}

on('key-file', 'change', chooseKey);
on('cluster-file', 'change', chooseCluster);
on('start-form', 'submit', start);
on('delivery-file', 'change', chooseDelivery);
on('book-in', 'click', bookIn);
on('scan-form', 'submit', scan);
on('validate', 'click', () => take({ do: 'validate-signature', package: textOf('package') }));
on('release', 'click', () => take({ do: 'release', package: textOf('package') }));
on('passed', 'click', () => check(true));
on('failed', 'click', () => check(false));
on('label-form', 'submit', label);
on('commit', 'click', () => session.commit());
on('end', 'click', end);
on('history-form', 'submit', () => showHistory(textOf('history-package')));
on('proof', 'click', downloadProof);
enable();
run(connect);
