import { p256 } from '@noble/curves/nist.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { clusterId } from '../../../src/kernel/ids.js';
import { beginChain, signRun } from '../../../src/session/owners.js';
import { headsOf, ownerText, sessionIdOf } from '../../../src/session/run.js';
import { lastOf, type SessionOperation, type SessionRun } from '../../../src/session/types.js';
import { vectorCluster } from './outcome-proofs.js';
import { groupOrder, ownerSign, vectorHeader, vectorOwnerKey } from './owner.js';

export interface RunVector {
  readonly name: string;
  readonly run: SessionRun;
  /** Whether the owner signed just this run, and it has the form of one. */
  readonly holds: boolean;
}

const { id } = vectorCluster;
const sign = ownerSign();
const begin = beginChain(id, vectorHeader);
const call = (payload: string): SessionOperation => ({ kind: 'call', payload });
const calls = [call('{"move":"P-1","to":"Łódź"}'), call(''), call('two\nlines, 数 and 📦')];
const first = signRun(id, begin, calls, sign);
const second = signRun(id, first.chain, [call('{"move":"P-2"}')], sign);
const last = signRun(id, second.chain, [call('{"close":true}'), { kind: 'end' }], sign);

/** Runs that hold, then runs that do not, each for one reason. */
export function runVectors(): readonly RunVector[] {
  return [...good(), ...otherSigned(), ...otherForm(), ...otherNumbers()];
}

function good(): RunVector[] {
  const one = signRun(id, begin, [call('{"move":"P-1"}')], sign);
  const end = signRun(id, begin, [{ kind: 'end' }], sign);
  const otherSession = { ...vectorHeader, application: 'banking', nonce: new Uint8Array(16) };
  const other = signRun(id, beginChain(id, otherSession), calls, sign);
  return [
    holding('one call', one.run),
    holding('several calls, with texts that are not ASCII, and an empty one', first.run),
    holding('a run that goes on in the middle', second.run),
    holding('a run that ends the session', last.run),
    holding('nothing but an end', end.run),
    holding('another application and nonce', other.run),
    holding('the other of the two signatures that each one gives', {
      ...first.run,
      signature: withNumbers(first.run, ({ r, s }) => ({ r, s: groupOrder - s })),
    }),
  ];
}

/** The owner signed something else. */
function otherSigned(): RunVector[] {
  const { run } = first;
  const { head } = first.chain;
  const signed = (text: Uint8Array) => ({ ...run, signature: sign(text) });
  const text = ownerText(id, begin.session, lastOf(run), head);
  const [one, two, three] = calls as [SessionOperation, SessionOperation, SessionOperation];
  return [
    refused(
      'a signature for another cluster',
      signed(ownerText(clusterId('other'), begin.session, lastOf(run), head)),
    ),
    refused(
      'a signature for another number',
      signed(ownerText(id, begin.session, lastOf(run) + 1, head)),
    ),
    refused(
      'a signature for another session',
      signed(
        ownerText(id, sessionIdOf(id, { ...vectorHeader, nonce: new Uint8Array(16) }), 3, head),
      ),
    ),
    refused('a signature for the head before', {
      ...run,
      signature: sign(ownerText(id, begin.session, lastOf(run), first.heads[1] ?? head)),
    }),
    refused('a signature of the text’s digest, hashed twice', signed(sha256(text))),
    refused('another’s signature', { ...run, signature: ownerSign('bob')(text) }),
    refused('a changed payload', { ...run, operations: [one, call(' '), three] }),
    refused('operations in another order', { ...run, operations: [two, one, three] }),
    refused('an operation left out', { ...run, operations: [one, two] }),
    refused('an end in place of an empty call', {
      ...signRun(id, begin, [call('')], sign).run,
      operations: [{ kind: 'end' }],
    }),
    refused('numbers that begin one later', { ...second.run, first: second.run.first + 1 }),
    refused('another head before the run', { ...second.run, before: begin.session }),
    refused('another nonce', changedNonce(second.run)),
  ];
}

/** The owner signed it, and it is no run. */
function otherForm(): RunVector[] {
  const elsewhere = { ...begin, head: first.chain.head };
  const after: SessionOperation[] = [{ kind: 'end' }, call('{"move":"P-1"}')];
  return [
    refused(
      'a first operation whose head before is not the session id',
      signRun(id, elsewhere, calls, sign).run,
    ),
    refused('an operation after the end', signRun(id, begin, after, sign).run),
  ];
}

/** The numbers of the signature, r and s, are not those that the owner made. */
function otherNumbers(): RunVector[] {
  const { run } = first;
  const numbers: [string, (of: Numbers) => Numbers][] = [
    ['r that is zero', ({ s }) => ({ r: 0n, s })],
    ['s that is zero', ({ r }) => ({ r, s: 0n })],
    ['r and s that are zero', () => ({ r: 0n, s: 0n })],
    ['r that is the order of the group', ({ s }) => ({ r: groupOrder, s })],
    ['s that is the order of the group', ({ r }) => ({ r, s: groupOrder })],
    ['r and s changed for each other', ({ r, s }) => ({ r: s, s: r })],
    ['r with its highest byte changed', ({ r, s }) => ({ r: r ^ (1n << 248n), s })],
    ['s with its highest byte changed', ({ r, s }) => ({ r, s: s ^ (1n << 248n) })],
    ['r with its lowest bit changed', ({ r, s }) => ({ r: r ^ 1n, s })],
    ['s with its lowest bit changed', ({ r, s }) => ({ r, s: s ^ 1n })],
  ];
  return [
    ...numbers.map(([name, change]) =>
      refused(`a signature with ${name}`, { ...run, signature: withNumbers(run, change) }),
    ),
    refused('a signature in DER', { ...run, signature: derOf(run) }),
    refused('a signature of a byte too few', { ...run, signature: run.signature.slice(0, -1) }),
    refused('a signature of a byte too many', {
      ...run,
      signature: new Uint8Array([...run.signature, 0]),
    }),
  ];
}

interface Numbers {
  readonly r: bigint;
  readonly s: bigint;
}

function withNumbers({ signature }: SessionRun, change: (of: Numbers) => Numbers): Uint8Array {
  const number = (start: number) =>
    BigInt(`0x${Buffer.from(signature.subarray(start, start + 32)).toString('hex')}`);
  const { r, s } = change({ r: number(0), s: number(32) });
  const hex = [r, s].map((value) => value.toString(16).padStart(64, '0')).join('');
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

function derOf({ signature }: SessionRun): Uint8Array {
  return p256.Signature.fromBytes(signature).toBytes('der');
}

function changedNonce(run: SessionRun): SessionRun {
  const nonce = run.header.nonce.map((byte, index) => (index === 15 ? byte ^ 1 : byte));
  return { ...run, header: { ...run.header, nonce } };
}

function holding(name: string, run: SessionRun): RunVector {
  return { name, run, holds: true };
}

function refused(name: string, run: SessionRun): RunVector {
  return { name, run, holds: false };
}

/** A vector as the file has it. What is derived is derived as the page says, also where it does not hold. */
export function runJson({ name, run, holds }: RunVector): object {
  const { header, first, before, operations, signature } = run;
  const session = sessionIdOf(id, header);
  const heads = headsOf(run);
  const text = ownerText(id, session, lastOf(run), heads.at(-1) ?? before);
  return {
    name,
    holds,
    header: { ...header, certificate: hex(header.certificate), nonce: hex(header.nonce) },
    first,
    before,
    operations,
    session,
    heads,
    text: new TextDecoder().decode(text),
    publicKey: hex(vectorOwnerKey),
    signature: hex(signature),
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
