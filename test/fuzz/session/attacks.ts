import { X509Certificate } from 'node:crypto';
import type { Sign } from '../../../src/kernel/keys.js';
import { submissionJson } from '../../../src/session/http/run-json.js';
import { beginChain, newHeader, ownerSigner, signRun } from '../../../src/session/owners.js';
import {
  type SessionOperation,
  type SessionRun,
  sessionLimits,
} from '../../../src/session/types.js';
import { writeEnvelope } from '../../../src/soap/envelope.js';
import { session as s } from '../../../src/soap/vocabulary.js';
import { element } from '../../../src/soap/xml.js';
import type { Attack } from '../attack.js';
import { insiders, sessionApplication } from '../ground/victim.js';
import { mutateBytes } from '../mutate/bytes.js';
import { mutateXml } from '../mutate/xml.js';
import { type Expectation, judge } from '../soap/judge.js';
import type { Range } from '../soap/range.js';
import type { Random } from '../support/random.js';

const timeoutMs = 15_000;
/** What a run takes besides its payloads. */
const ownBytes = 8192;
const any: Expectation = { kind: 'any' };
const refused: Expectation = { kind: 'refused' };

interface Hostile {
  readonly body: string | Uint8Array;
  readonly expected: Expectation;
}

/** Sessions of a client that is one of ours and means no good, at every coordinator's ports. */
export function sessionAttacks({ victim, poster }: Range): Attack[] {
  const { cluster } = victim.local;
  const owner = new Owner(cluster.id, victim.keys.credential(insiders.client));
  const urls = cluster.coordinators.map(({ url }) => url);
  const post = (
    kind: string,
    weight: number,
    path: string,
    type: string,
    make: (random: Random) => Hostile,
  ): Attack => ({
    kind: `session: ${kind}`,
    weight,
    launch: async (random) => {
      const { body, expected } = make(random);
      const address = random.pick(urls) + path;
      const headers = { 'content-type': type };
      const shot = judge(await poster.post({ address, headers, body, timeoutMs }), expected);
      return [shot.violation === undefined ? shot : { ...shot, input: Buffer.from(body) }];
    },
  });
  const json = (kind: string, weight: number, make: (random: Random) => Hostile) =>
    post(kind, weight, '/sessions/operations', 'application/json', make);
  return [
    json('run, bytes changed', 15, (random) => ({
      body: mutateBytes(random, Buffer.from(jsonOf(owner.run(random)))),
      expected: any,
    })),
    json('run, something in it changed', 15, (random) => ({
      body: jsonOf(random.pick(forgeries)(random, owner.run(random))),
      expected: refused,
    })),
    json('run that the owner has signed', 5, (random) => ({
      body: jsonOf(owner.run(random)),
      expected: any,
    })),
    json('heaviest run that the owner has signed', 1, (random) => ({
      body: jsonOf(owner.run(random, heaviestOperations)),
      expected: any,
    })),
    post('SOAP, markup changed', 10, '/session', 'text/xml', (random) => ({
      body: mutateXml(random, performOf(owner.run(random))),
      expected: any,
    })),
    {
      kind: 'session: odd addresses',
      weight: 15,
      launch: async (random) => {
        const address = random.pick(urls) + random.pick(paths)(random);
        const shot = judge(await poster.get(address, {}), any);
        return [shot.violation === undefined ? shot : { ...shot, input: Buffer.from(address) }];
      },
    },
  ];
}

/** A client of the cluster, and what it signs. */
class Owner {
  readonly #cluster: Parameters<typeof beginChain>[0];
  readonly #certificate: Uint8Array;
  readonly #sign: Sign;

  constructor(
    cluster: Parameters<typeof beginChain>[0],
    { certificate, privateKey }: { readonly certificate: string; readonly privateKey: string },
  ) {
    this.#cluster = cluster;
    this.#certificate = new X509Certificate(certificate).raw;
    this.#sign = ownerSigner(privateKey);
  }

  /** The beginning of a new session, now and then of one long ago or to come. */
  run(random: Random, operationsOf = fewOperations): SessionRun {
    const header = newHeader({
      application: sessionApplication,
      owner: insiders.client,
      certificate: this.#certificate,
      nowMs: random.oneIn(4) ? random.below(2 ** 40) : Date.now(),
      random: random.bytes(8),
    });
    const operations = operationsOf(random);
    const chain = beginChain(this.#cluster, header);
    return signRun(this.#cluster, chain, operations, this.#sign).run;
  }
}

function fewOperations(random: Random): SessionOperation[] {
  return Array.from({ length: random.between(1, 8) }, () => operationOf(random));
}

/** As many operations as one run may have, as large as a request lets them be. */
function heaviestOperations(): SessionOperation[] {
  const count = sessionLimits.runOperations;
  const bytes = Math.min(
    sessionLimits.payloadBytes,
    Math.floor((sessionLimits.runBytes - ownBytes) / count),
  );
  const payload = JSON.stringify({ do: 'scan', package: 'p' }).padEnd(bytes, ' ');
  return Array.from({ length: count }, () => ({ kind: 'call', payload }));
}

function operationOf(random: Random): SessionOperation {
  const payload = random.pick<(random: Random) => string>([
    () => '{"do":"start-work","station":"dock-1"}',
    (one) => JSON.stringify({ do: 'scan', package: one.hex(4) }),
    (one) => JSON.stringify({ do: one.hex(3), package: '__proto__' }),
    (one) => one.bytes(one.between(0, 200)).toString('latin1'),
    () => '{"do":{"__proto__":1}}',
    (one) => '['.repeat(one.between(1, 5000)),
  ])(random);
  return { kind: 'call', payload };
}

/** What the owner has not signed, or nobody could have. */
const forgeries: readonly ((random: Random, run: SessionRun) => SessionRun)[] = [
  (_, run) => ({ ...run, header: { ...run.header, owner: 'alice' as typeof run.header.owner } }),
  (_, run) => ({ ...run, operations: [...run.operations, { kind: 'end' }] }),
  (_, run) => ({ ...run, operations: [{ kind: 'call', payload: 'other' }] }),
  (random, run) => ({ ...run, signature: new Uint8Array(random.bytes(64)) }),
  (random, run) => ({ ...run, signature: new Uint8Array(random.bytes(random.between(0, 80))) }),
  (random, run) => ({ ...run, first: random.pick([2, 1000, 2 ** 53 - 1]) }),
  (random, run) => ({ ...run, before: random.hex(32) as typeof run.before }),
  (random, run) => ({
    ...run,
    header: { ...run.header, certificate: new Uint8Array(random.bytes(random.between(1, 5000))) },
  }),
  (random, run) => ({
    ...run,
    header: { ...run.header, nonce: new Uint8Array(random.bytes(16)) },
  }),
];

const paths: readonly ((random: Random) => string)[] = [
  (random) => `/sessions/${random.hex(32)}`,
  (random) => `/sessions/${random.hex(32)}/events?from=${random.below(100)}`,
  (random) => `/sessions/${random.hex(32)}/attestation`,
  (random) => `/sessions/${random.hex(random.between(1, 400))}`,
  () => '/sessions/__proto__?from=-1',
  (random) => `/state/${sessionApplication}/${encodeURIComponent(random.bytes(20).toString())}`,
  (random) => `/state/${sessionApplication}/${random.hex(8)}/proof`,
  () => '/state/__proto__/constructor',
  () => `/state/${sessionApplication}/${'%'.repeat(50)}`,
  (random) => `/state/${sessionApplication}/${'k'.repeat(random.between(200, 3000))}/proof`,
  () => `/${sessionApplication}/..%2f..%2fpackage.json`,
  () => `/${sessionApplication}/%2e%2e/application.js`,
  () => `/${sessionApplication}/%00`,
  () => `/${sessionApplication}/%c0%ae%c0%ae/`,
  (random) => `/${sessionApplication}/${encodeURIComponent(random.bytes(30).toString('latin1'))}`,
];

function jsonOf(run: SessionRun): string {
  return JSON.stringify(submissionJson({ run, commit: false }));
}

function performOf({ header, first, before, operations, signature }: SessionRun): string {
  const leaf = (name: string, value: string | number) => element(s(name), [], String(value));
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
  const body = element(
    s('Perform'),
    [],
    element(
      s('run'),
      [],
      element(
        s('header'),
        [],
        leaf('application', header.application),
        leaf('owner', header.owner),
        leaf('certificate', base64(header.certificate)),
        leaf('nonce', Buffer.from(header.nonce).toString('hex')),
      ),
      leaf('first', first),
      leaf('before', before),
      ...operations.map(() => element(s('operation'), [], leaf('call', 'x'))),
      leaf('signature', base64(signature)),
    ),
  );
  return writeEnvelope({ version: '1.1', addressing: { action: '' }, headers: [], body });
}
