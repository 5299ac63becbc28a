import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Cluster } from '../../src/kernel/cluster.js';
import {
  type Credential,
  certificateSha256,
  issueAuthority,
  issueCertificate,
} from '../../src/kernel/config/x509.js';
import { Identities, trustOf } from '../../src/soap/trust.js';
import { testCluster } from '../support/keys.js';

const authority = issueAuthority('test');
const other = issueAuthority('test');

function issue(commonName: string, unit: string, issuer = authority): Credential {
  return issueCertificate(issuer, { commonName, unit, organization: 'test' }, []);
}

/** The cluster with a certificate for its first coordinator, initiator, participant and front. */
function clusterWith(certificates: readonly Credential[]): Cluster {
  const { cluster } = testCluster();
  const [c0, i0, p0, front] = certificates.map(({ certificate }) => certificateSha256(certificate));
  const replaced = <M extends { certificateSha256: string }>(members: readonly M[], sha = '') =>
    members.map((member, index) => (index === 0 ? { ...member, certificateSha256: sha } : member));
  return {
    ...cluster,
    authority: authority.certificate,
    coordinators: replaced(cluster.coordinators, c0),
    initiators: replaced(cluster.initiators, i0),
    participants: replaced(cluster.participants, p0),
    fronts: [{ name: 'front', url: 'http://front.test', certificateSha256: front ?? '' }],
  };
}

describe('trustOf', () => {
  const members = ['a', 'b', 'c', 'd'].map((name) => issue(name, 'node'));
  const cluster = clusterWith(members);
  const trust = trustOf(cluster);
  const principalOf = (credential: Credential) =>
    trust(new X509Certificate(credential.certificate));

  it('knows members by the digest of their certificate', () => {
    const [coordinator] = cluster.coordinators;
    const [initiator] = cluster.initiators;
    const [participant] = cluster.participants;
    expect(members.map(principalOf)).toEqual([
      { role: 'coordinator', id: coordinator?.id, name: coordinator?.name },
      { role: 'initiator', id: initiator?.id, name: initiator?.name },
      { role: 'participant', id: participant?.id, name: participant?.name },
      { role: 'client', name: 'front' },
    ]);
  });

  it('knows clients by the authority and their unit', () => {
    expect(principalOf(issue('alice', 'client'))).toEqual({ role: 'client', name: 'alice' });
  });

  it('knows nobody by a certificate that the authority did not sign', () => {
    const der = Buffer.from(new X509Certificate(issue('alice', 'client').certificate).raw);
    der.writeUInt8((der.at(-1) ?? 0) ^ 1, der.length - 1);
    expect(trust(new X509Certificate(der))).toBeUndefined();
  });

  it.each([
    ['of another authority of the same name', issue('alice', 'client', other)],
    ['of another unit', issue('alice', 'node')],
    ['with the name of a member but another key', issue('a', 'node')],
    ['with a name that is none', issue('alice/0', 'client')],
    ['with the name that orders of sessions go by', issue('sessions', 'client')],
    ['with a name of several lines', issue('x\nOU=client\nCN=alice', 'client')],
    ['of the authority itself', authority],
  ])('knows nobody by a certificate %s', (_, credential) => {
    expect(principalOf(credential)).toBeUndefined();
  });
});

describe('identities', () => {
  const nowMs = Date.now();
  const tokenOf = ({ certificate }: Credential) =>
    new X509Certificate(certificate).raw.toString('base64');

  /** A cluster at a node that runs, and what replaces the certificate of its first participant. */
  function renewable(first: Credential) {
    let { participants } = clusterWith([first, first, first, first]);
    const cluster = {
      ...clusterWith([]),
      get participants() {
        return participants;
      },
    };
    const renew = (credential: Credential) => {
      participants = clusterWith([credential, credential, credential]).participants;
    };
    return { identities: new Identities(trustOf(cluster)), renew };
  }

  it('are not remembered beyond what superseded them', () => {
    const [older, newer] = [issue('p', 'participant'), issue('p', 'participant')];
    const { identities, renew } = renewable(older);
    const { principal } = identities.identify(tokenOf(older), nowMs);
    renew(newer);
    expect(identities.identify(tokenOf(newer), nowMs).principal).toEqual(principal);
    expect(() => identities.identify(tokenOf(older), nowMs)).toThrow(/unknown certificate/);
    renew(older);
    expect(identities.identify(tokenOf(older), nowMs).principal).toEqual(principal);
  });

  it('are not remembered beyond their end', () => {
    const client = issue('alice', 'client');
    const { identities } = renewable(issue('p', 'participant'));
    const { validToMs } = identities.identify(tokenOf(client), nowMs);
    expect(() => identities.identify(tokenOf(client), validToMs + 1)).toThrow(/not valid now/);
  });
});
