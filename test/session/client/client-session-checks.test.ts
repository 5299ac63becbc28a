import { beforeAll, describe, expect, it } from 'vitest';
import type { Digest } from '../../../src/kernel/ids.js';
import { Keyring } from '../../../src/kernel/keys.js';
import {
  checkStatus,
  type FinalStatus,
  finalStatus,
} from '../../../src/session/client/session-log.js';
import type { OperationStatus } from '../../../src/session/core/outbox.js';
import { done, OwnerWorld } from '../node/support/owner.js';

let world: OwnerWorld;
let keyring: Keyring;
let other: Digest;
beforeAll(async () => {
  world = await OwnerWorld.make();
  keyring = Keyring.of(world.setting.cluster);
  other = 'ab'.repeat(32) as Digest;
  world.run('buy');
});

const check = (status: OperationStatus, sequence = 1) =>
  checkStatus(keyring, { session: world.session, sequence, head: world.head }, status);

const provisional = () => promise(world.provisional(1, world.head, done('x')), 'provisional');
const witnessed = () => promise(world.witnessed(1, world.head, done('x')), 'witnessed');
function final(): FinalStatus {
  return world.final('committed', 1, world.head, done('x')) as FinalStatus;
}

function promise<Kind extends 'provisional' | 'witnessed'>(status: OperationStatus, kind: Kind) {
  if (status.kind !== kind) throw new Error(`not ${kind}`);
  return status as Extract<OperationStatus, { readonly kind: Kind }>;
}

function bent<Value extends { readonly signature: Uint8Array }>(signed: Value): Value {
  return { ...signed, signature: signed.signature.map((byte, at) => (at === 9 ? byte ^ 1 : byte)) };
}

describe('a client believes', () => {
  it('what is signed by who has to sign it', () => {
    check(provisional());
    check(witnessed());
    check(final());
  });

  it.each<[string, () => OperationStatus, RegExp]>([
    [
      'a receipt that nobody signed',
      () => ({ ...provisional(), receipt: bent(provisional().receipt) }),
      /not signed/,
    ],
    [
      'a receipt of another result',
      () => ({ ...provisional(), result: done('y') }),
      /another result/,
    ],
    [
      'a receipt of another operation',
      () => world.provisional(1, other, done('x')),
      /another operation/,
    ],
    [
      'a receipt of another number',
      () => world.provisional(2, world.head, done('x')),
      /another operation/,
    ],
    [
      'too few witnesses',
      () => ({ ...witnessed(), witnesses: witnessed().witnesses.slice(0, 1) }),
      /too few/,
    ],
    [
      'one witness twice',
      () => {
        const [one] = witnessed().witnesses;
        return { ...witnessed(), witnesses: one ? [one, one] : [] };
      },
      /too few/,
    ],
    [
      'a witness that nobody is',
      () => ({ ...witnessed(), witnesses: witnessed().witnesses.map(bent) }),
      /not signed/,
    ],
    [
      'witnesses of another result',
      () => ({
        ...witnessed(),
        witnesses: promise(world.witnessed(1, world.head, done('y')), 'witnessed').witnesses,
      }),
      /another result/,
    ],
    ['a proof of another result', () => ({ ...final(), result: done('y') }), /something else/],
    [
      'a proof of another operation',
      () => world.final('committed', 1, other, done('x')),
      /something else/,
    ],
    [
      'a proof with one signature',
      () => {
        const { proof } = final();
        const { certificate } = proof;
        const signatures = certificate.signatures.slice(0, 1);
        return { ...final(), proof: { ...proof, certificate: { ...certificate, signatures } } };
      },
      /proves nothing/,
    ],
    [
      'a proof that leads elsewhere',
      () => {
        const { proof } = final();
        const path = proof.path.map((step) => ({ ...step, digest: other }));
        return { ...final(), proof: { ...proof, path } };
      },
      /proves nothing/,
    ],
  ])('not %s', (_, status, reason) => {
    expect(() => check(status())).toThrow(reason);
  });
});

describe('what is final', () => {
  it('is told in the client’s own words, whatever the coordinator calls it', () => {
    const aborted = world.final('committed', 1, world.head, { kind: 'rejected', reason: 'no' });
    expect(finalStatus(final(), undefined).kind).toBe('committed');
    expect(finalStatus(final(), done('x')).kind).toBe('committed');
    expect(finalStatus(final(), done('y'))).toMatchObject({
      kind: 'changed',
      simulated: done('y'),
    });
    expect(finalStatus(aborted as FinalStatus, done('x')).kind).toBe('aborted');
  });
});
