import { X509Certificate } from 'node:crypto';
import type { Cluster } from '../../src/kernel/cluster.js';
import { type Credential, issueAuthority, issueCertificate } from '../../src/kernel/config/x509.js';
import type { ClusterId } from '../../src/kernel/ids.js';
import { Keyring, type Sign } from '../../src/kernel/keys.js';
import { beginChain, newHeader, Owners, ownerSigner, signRun } from '../../src/session/owners.js';
import type { SessionHeader, SessionOperation, SessionRun } from '../../src/session/types.js';
import { type TestCluster, type TestClusterOptions, testCluster } from './keys.js';

/** A cluster in memory whose authority has issued certificates to clients. */
export interface SessionParties extends TestCluster {
  readonly owners: Owners;
  /** The same for the same name. */
  owner(name: string): TestOwner;
}

const authority = issueAuthority('test');
const credentials = new Map<string, Credential>();

export function sessionParties(options: TestClusterOptions = {}): SessionParties {
  const parties = testCluster(options);
  const cluster: Cluster = { ...parties.cluster, authority: authority.certificate };
  return {
    ...parties,
    cluster,
    keyring: Keyring.of(cluster),
    owners: Owners.of(cluster),
    owner: (name) => new TestOwner(cluster.id, name, credentialOf(name, 'client')),
  };
}

/** A certificate of the tests' authority, or of another one. */
export function credentialOf(name: string, unit: string, issuer = authority): Credential {
  const key = `${issuer.certificate} ${unit} ${name}`;
  const known = credentials.get(key);
  if (known) return known;
  const subject = { commonName: name, unit, organization: 'test' };
  const credential = issueCertificate(issuer, subject, []);
  credentials.set(key, credential);
  return credential;
}

export class TestOwner {
  readonly sign: Sign;
  readonly certificate: Uint8Array;
  readonly #cluster: ClusterId;
  readonly #name: string;
  static #sessions = 0;

  constructor(cluster: ClusterId, name: string, credential: Credential) {
    this.#cluster = cluster;
    this.#name = name;
    this.sign = ownerSigner(credential.privateKey);
    this.certificate = new X509Certificate(credential.certificate).raw;
  }

  /** Each session is later than the ones before. */
  begin(application: string): TestSession {
    TestOwner.#sessions += 1;
    const header = newHeader({
      application,
      owner: this.#name,
      certificate: this.certificate,
      nowMs: TestOwner.#sessions,
      random: new Uint8Array(8),
    });
    return new TestSession(this.#cluster, header, this.sign);
  }
}

/** An owner's side of one session. */
export class TestSession {
  readonly cluster: ClusterId;
  readonly header: SessionHeader;
  readonly sign: Sign;
  chain: ReturnType<typeof beginChain>;

  constructor(cluster: ClusterId, header: SessionHeader, sign: Sign) {
    this.cluster = cluster;
    this.header = header;
    this.sign = sign;
    this.chain = beginChain(cluster, header);
  }

  get id(): ReturnType<typeof beginChain>['session'] {
    return this.chain.session;
  }

  call(...payloads: readonly string[]): SessionRun {
    return this.run(payloads.map((payload) => ({ kind: 'call', payload })));
  }

  end(): SessionRun {
    return this.run([{ kind: 'end' }]);
  }

  run(operations: readonly SessionOperation[]): SessionRun {
    const { run, chain } = signRun(this.cluster, this.chain, operations, this.sign);
    this.chain = chain;
    return run;
  }

  /** Another session object that goes on from here, whatever this one does. */
  fork(): TestSession {
    const fork = new TestSession(this.cluster, this.header, this.sign);
    fork.chain = this.chain;
    return fork;
  }
}
