import { digestOfText } from '../../../src/kernel/digest.js';
import { clusterId, replicaId } from '../../../src/kernel/ids.js';
import { stateProofJson } from '../../../src/session/http/proof-json.js';
import { signSession } from '../../../src/session/proof.js';
import type { AttestationStatement, StateProof } from '../../../src/session/types.js';
import { refusedJson, type SessionProofVector } from './operation-proofs.js';
import { vectorParties } from './outcome-proofs.js';

type Attestation = StateProof['attestations'][number];

const application = 'supply-chain';
const key = 'package/Łódź 数';
const value = '{"at":"Łódź","weight":7}';
const { id } = vectorParties.cluster;

/** As a correct replica signs it, but for what a vector overrides. */
function attest(
  replica: number,
  over: Partial<AttestationStatement> = {},
  cluster = id,
): Attestation {
  const statement: AttestationStatement = {
    kind: 'attestation',
    subject: { kind: 'state', application, key },
    value: digestOfText(value),
    position: 12 + replica,
    ...over,
  };
  const signed = signSession(vectorParties.replicaSign(replica), cluster, statement);
  return { replica: replicaId(replica), ...signed };
}

function proofOf(attestations: StateProof['attestations'], over: Partial<StateProof> = {}) {
  return { application, key, value, attestations, ...over };
}

function accepted(name: string, { attestations, ...state }: StateProof): SessionProofVector {
  const coordinators = attestations.map(({ replica }) => replica);
  const proves = { kind: 'state', ...state, coordinators };
  return { name, proof: stateProofJson({ attestations, ...state }), proves };
}

function refused(name: string, proof: StateProof): SessionProofVector {
  return { name, proof: stateProofJson(proof), proves: null };
}

/** Proofs of values of an application's state. */
export function stateProofVectors(): readonly SessionProofVector[] {
  return [...good(), ...otherValues(), ...otherSigned(), ...otherFields()];
}

function good(): SessionProofVector[] {
  const empty = { value: digestOfText(''), position: 0 };
  const long = 'a line of text\n'.repeat(20);
  const other = { subject: { kind: 'state', application: 'banking', key: '' } as const };
  return [
    accepted('a value, at two positions', proofOf([attest(0), attest(2)])),
    accepted('a value that all replicas attest', proofOf([0, 1, 2, 3].map((each) => attest(each)))),
    accepted('an empty value', proofOf([attest(1, empty), attest(3, empty)], { value: '' })),
    accepted(
      'a longer value',
      proofOf(
        [0, 1].map((each) => attest(each, { value: digestOfText(long) })),
        { value: long },
      ),
    ),
    accepted(
      'a value of an empty key of another application',
      proofOf([attest(1, other), attest(2, other)], { application: 'banking', key: '' }),
    ),
  ];
}

function otherValues(): SessionProofVector[] {
  const [zero, two] = [attest(0), attest(2)];
  const subject = { kind: 'state', application, key: 'package/P-2' } as const;
  const elsewhere = { kind: 'state', application: 'banking', key } as const;
  return [
    refused('another value', proofOf([zero, two], { value: '{"at":"Łódź","weight":8}' })),
    refused(
      'half a surrogate pair, where the attested value has the replacement character',
      proofOf(
        [0, 2].map((each) => attest(each, { value: digestOfText('\ufffd') })),
        { value: '\ud800' },
      ),
    ),
    refused('another key', proofOf([zero, two], { key: 'package/P-2' })),
    refused('another application', proofOf([zero, two], { application: 'banking' })),
    refused('an attestation of another key', proofOf([zero, attest(2, { subject })])),
    refused(
      'an attestation of another application',
      proofOf([zero, attest(2, { subject: elsewhere })]),
    ),
    refused(
      'an attestation of another value',
      proofOf([zero, attest(2, { value: digestOfText('7') })]),
    ),
    refused('an attestation that there is no value', proofOf([zero, attest(2, { value: null })])),
    refused(
      'attestations that there is no value',
      proofOf(
        [0, 2].map((each) => attest(each, { value: null })),
        { value: '' },
      ),
    ),
  ];
}

function otherSigned(): SessionProofVector[] {
  const [zero, two] = [attest(0), attest(2)];
  const { signature } = zero;
  const later = { ...two.statement, position: two.statement.position + 1 };
  return [
    refused('no attestations', proofOf([])),
    refused('one attestation, where f + 1 are two', proofOf([zero])),
    refused('one replica twice, at two positions', proofOf([zero, attest(0, { position: 20 })])),
    refused('attestations out of order', proofOf([two, zero])),
    refused(
      'an attestation of a replica that the cluster does not have',
      proofOf([zero, { ...two, replica: replicaId(4) }]),
    ),
    refused('an attestation that another replica signed', proofOf([zero, { ...two, signature }])),
    refused(
      'an attestation under another’s number',
      proofOf([zero, { ...two, replica: replicaId(1) }]),
    ),
    refused('another position than was signed', proofOf([zero, { ...two, statement: later }])),
    refused(
      'attestations in another cluster',
      proofOf([0, 2].map((each) => attest(each, {}, clusterId('other')))),
    ),
  ];
}

/** JSON that is no proof as coordinators serve it. */
function otherFields(): SessionProofVector[] {
  const text = JSON.stringify(stateProofJson(proofOf([attest(0), attest(2)])));
  const edited = (name: string, from: string | RegExp, to: string) =>
    refusedJson(name, text, from, to);
  return [
    edited('an attestation of another kind', '"kind":"attestation"', '"kind":"history"'),
    edited(
      'an attestation of a session',
      '"subject":{"kind":"state"',
      '"subject":{"kind":"session"',
    ),
    edited('an attestation without a position', '"position":12', '"place":12'),
    edited('an attestation with a position below zero', '"position":12', '"position":-1'),
    edited('a key of more than 256 bytes', /"key":"[^"]*"/g, `"key":"${'k'.repeat(257)}"`),
    edited('an application whose name is none', /"supply-chain"/g, '"supply chain"'),
    edited('a signature without the padding of base64', '=="', '"'),
    edited('no value', '"value":"{', '"worth":"{'),
  ];
}
