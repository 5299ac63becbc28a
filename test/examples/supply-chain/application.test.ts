import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { supplyChain } from '../../../examples/supply-chain/application.js';
import { keys, supplyChainLimits } from '../../../examples/supply-chain/keys.js';
import { faultOf, readPackage } from '../../../examples/supply-chain/package-history.js';
import {
  registration,
  sampleSupplier,
  signedPackage,
  workflow,
} from '../../../examples/supply-chain/sample.js';
import type { Step } from '../../../examples/supply-chain/steps.js';
import { isSupplierSignature } from '../../../examples/supply-chain/supplier-signature.js';
import { findOrderFault } from '../../../src/session/core/order-fault.js';
import { sessionLimits } from '../../../src/session/types.js';
import { applyTo, callOf, MemoryState } from './support/memory-state.js';

const acme = sampleSupplier('acme');

/** A warehouse in which the supplier is registered. */
function warehouse() {
  const state = new MemoryState();
  const sequences = new Map<string, number>();
  /** Has one session take a step. */
  const take = (step: Step | string, owner = 'alice', session = `${owner}-1`) => {
    const sequence = (sequences.get(session) ?? 0) + 1;
    sequences.set(session, sequence);
    return applyTo(state, supplyChain, callOf(step, { owner, session, sequence }));
  };
  const must = (step: Step, owner?: string, session?: string) => {
    const result = take(step, owner, session);
    if (result.kind !== 'done') throw new Error(result.reason);
    return JSON.parse(result.result);
  };
  const item = (id = 'P-1') => readPackage(state.values.get(keys.package(id)) ?? '');
  must(registration(acme), 'carol');
  return { state, take, must, item };
}

const rejected = (reason: RegExp) => ({
  kind: 'rejected',
  reason: expect.stringMatching(reason),
});

describe('the workflow', () => {
  it('takes a package from its supplier to a courier', () => {
    const { must, item } = warehouse();
    const results = workflow(acme, 'P-1').map((step) => must(step));
    expect(results[2]).toMatchObject({ contents: '12 cordless drills', weightGrams: 14_500 });
    expect(results[3]).toMatchObject({ valid: true });
    expect(item()).toMatchObject({
      signatureValid: true,
      passed: true,
      label: { owner: 'alice', courier: 'dhl', label: 'P-1' },
    });
    expect(item().holder).toBeUndefined();
    expect(item().history.map(({ record }) => JSON.parse(record).do)).toEqual([
      'create-package',
      'scan',
      'validate-signature',
      'quality-check',
      'label',
    ]);
    expect(must({ do: 'history', package: 'P-1' })).toMatchObject({
      entries: 5,
      hash: results[5].hash,
    });
  });

  it('simulates what it applies', () => {
    const { state, take } = warehouse();
    workflow(acme, 'P-1').forEach((step, index) => {
      const call = callOf(step, { session: 'alice-1', sequence: index + 1 });
      const simulated = supplyChain.simulate(new MemoryState(state.values), call);
      expect(take(step)).toEqual(simulated);
    });
  });

  it('asks for its steps in order', () => {
    const { take, must } = warehouse();
    expect(take({ do: 'scan', package: 'P-1' })).toEqual(rejected(/station/));
    must({ do: 'start-work', station: 'dock-1' });
    expect(take({ do: 'scan', package: 'P-1' })).toEqual(rejected(/not known/));
    must(signedPackage(acme, 'P-1'));
    const label = { do: 'label', package: 'P-1', courier: 'dhl', label: '1' } as const;
    expect(take(label)).toEqual(rejected(/scan it first/));
    must({ do: 'scan', package: 'P-1' });
    expect(take(label)).toEqual(rejected(/validate the signature/));
    must({ do: 'validate-signature', package: 'P-1' });
    expect(take(label)).toEqual(rejected(/check the quality/));
    must({ do: 'quality-check', package: 'P-1', passed: false, notes: 'one drill is missing' });
    expect(take(label)).toEqual(rejected(/failed its quality check/));
    must({ do: 'quality-check', package: 'P-1', passed: true, notes: 'sent after' });
    must(label);
    expect(take(label)).toEqual(rejected(/has a label already: dhl 1, by alice/));
  });

  it('writes down when the operator says that it was', () => {
    const { must, item } = warehouse();
    must({ ...signedPackage(acme, 'P-1'), at: '2026-01-31T12:00:00Z' });
    expect(item().history[0]?.record).toContain('"at":"2026-01-31T12:00:00Z"');
  });
});

describe("the supplier's signature", () => {
  const forgeries: Record<string, Step> = {
    'of another supplier': { ...signedPackage(sampleSupplier('other'), 'P-1'), supplier: 'acme' },
    'of another package': { ...signedPackage(acme, 'P-2'), package: 'P-1' },
    'of other contents': { ...signedPackage(acme, 'P-1'), contents: '11 cordless drills' },
    'of another weight': { ...signedPackage(acme, 'P-1'), weightGrams: 14_499 },
    'of nobody': { ...signedPackage(acme, 'P-1'), signature: '0'.repeat(128) },
  };

  it.each(Object.entries(forgeries))('%s keeps a package here', (_, forged) => {
    const { take, must, item } = warehouse();
    must(forged);
    must({ do: 'start-work', station: 'dock-1' });
    must({ do: 'scan', package: 'P-1' });
    expect(must({ do: 'validate-signature', package: 'P-1' })).toMatchObject({ valid: false });
    must({ do: 'quality-check', package: 'P-1', passed: true, notes: '' });
    const label = { do: 'label', package: 'P-1', courier: 'dhl', label: '1' } as const;
    expect(take(label)).toEqual(rejected(/not signed by acme/));
    expect(faultOf(item())).toBeUndefined();
  });

  it('is by one key only', () => {
    const { signature, ...statement } = signedPackage(acme, 'P-1');
    expect(isSupplierSignature(statement, acme.publicKey, signature)).toBe(true);
    const { publicKey } = sampleSupplier('other');
    expect(isSupplierSignature(statement, publicKey, signature)).toBe(false);
  });

  it('is by the key that was registered first', () => {
    const { take } = warehouse();
    const other = { ...registration(sampleSupplier('other')), supplier: 'acme' } as Step;
    expect(take(other)).toEqual(rejected(/registered already/));
    const unknown = signedPackage(sampleSupplier('unknown'), 'P-1');
    expect(take(unknown)).toEqual(rejected(/supplier unknown is not registered/));
  });
});

describe('sessions that contradict each other', () => {
  it('cannot both work on a package', () => {
    const { take, must } = warehouse();
    must(signedPackage(acme, 'P-1'));
    for (const owner of ['alice', 'bob']) must({ do: 'start-work', station: 'dock-1' }, owner);
    must({ do: 'scan', package: 'P-1' }, 'alice');
    for (const [owner, session] of [
      ['bob', 'bob-1'],
      ['alice', 'alice-1'],
    ] as const) {
      const result = take({ do: 'scan', package: 'P-1' }, owner, session);
      expect(result).toEqual(rejected(/taken: alice works on it at dock-1, session alice-1/));
    }
    const check = { do: 'validate-signature', package: 'P-1' } as const;
    expect(take(check, 'bob')).toEqual(rejected(/does not hold package P-1: alice/));
    expect(take(check, 'alice', 'alice-2')).toEqual(rejected(/does not hold package P-1: alice/));
    expect(take({ do: 'release', package: 'P-1' }, 'bob')).toEqual(rejected(/not yours/));
    must({ do: 'release', package: 'P-1' }, 'alice', 'alice-2');
    must({ do: 'scan', package: 'P-1' }, 'bob');
    expect(take(check, 'alice')).toEqual(rejected(/does not hold package P-1: bob/));
  });

  it("cannot both use a courier's label", () => {
    const { take, must } = warehouse();
    for (const step of workflow(acme, 'P-1', { label: '7' })) must(step, 'alice');
    const [label, ...before] = workflow(acme, 'P-2', { label: '7' }).reverse();
    for (const step of before.reverse()) must(step, 'bob');
    expect(take(label as Step, 'bob')).toEqual(rejected(/label 7 of dhl is on package P-1/));
    must({ do: 'label', package: 'P-2', courier: 'ups', label: '7' }, 'bob');
  });

  it('book a package in once', () => {
    const { take, must } = warehouse();
    must(signedPackage(acme, 'P-1'), 'alice');
    expect(take(signedPackage(acme, 'P-1'), 'bob')).toEqual(rejected(/P-1 exists already/));
  });
});

describe('the history', () => {
  const anyEntry = fc.constantFrom('previous', 'record', 'owner', 'session', 'sequence', 'hash');

  it('shows any change', () => {
    const { must, state } = warehouse();
    for (const step of workflow(acme, 'P-1')) must(step);
    const value = state.values.get(keys.package('P-1')) ?? '';
    expect(faultOf(readPackage(value))).toBeUndefined();
    fc.assert(
      fc.property(fc.nat(4), anyEntry, (index, field) => {
        const changed = JSON.parse(value);
        const entry = changed.history[index];
        if (field === 'sequence') entry.sequence += 1;
        else if (field === 'record') entry.record = entry.record.replace(/"}$|}$/, ',"x":1}');
        else
          entry[field] = entry[field].replace(/^./, (first: string) => (first === '0' ? '1' : '0'));
        expect(() => {
          const fault = faultOf(readPackage(JSON.stringify(changed)));
          if (fault !== undefined) throw new Error(fault);
        }).toThrow();
      }),
    );
  });

  it('shows entries left out, swapped and of another package', () => {
    const { must, item } = warehouse();
    for (const step of workflow(acme, 'P-1')) must(step);
    const whole = item();
    const { history } = whole;
    const [first, second, third, ...rest] = history;
    if (!first || !second || !third) throw new Error('too short');
    expect(faultOf({ ...whole, history: [first, third, ...rest] })).toMatch(/entry 2/);
    expect(faultOf({ ...whole, history: [first, third, second, ...rest] })).toMatch(/entry 2/);
    expect(faultOf({ ...whole, package: 'P-2' })).toMatch(/entry 1/);
  });

  it('shows a false word on the signature', () => {
    const { must, item } = warehouse();
    for (const step of workflow(acme, 'P-1').slice(0, 4)) must(step);
    expect(faultOf({ ...item(), signatureValid: false })).toMatch(/history says otherwise/);
  });

  it('is archived by the operator who labelled it, and its name is not used again', () => {
    const { take, must, state } = warehouse();
    const archive = { do: 'archive', package: 'P-1' } as const;
    expect(take(archive)).toEqual(rejected(/not known/));
    must(signedPackage(acme, 'P-1'));
    expect(take(archive)).toEqual(rejected(/no label/));
    for (const step of workflow(acme, 'P-1').slice(1)) must(step);
    const hash = readPackage(state.values.get(keys.package('P-1')) ?? '').history.at(-1)?.hash;
    expect(take(archive, 'bob')).toEqual(rejected(/alice's to archive/));
    must(archive);
    expect(state.values.get(keys.package('P-1'))).toBeUndefined();
    expect(state.values.get(keys.archived('P-1'))).toBe(hash);
    for (const step of [signedPackage(acme, 'P-1'), archive, { do: 'history', package: 'P-1' }]) {
      expect(take(step as Step)).toEqual(rejected(/P-1 is archived/));
    }
  });

  it('comes to an end', () => {
    const { take, must, state } = warehouse();
    must(signedPackage(acme, 'P-1', { contents: '"'.repeat(1024) }));
    must({ do: 'start-work', station: 's'.repeat(63) });
    must({ do: 'scan', package: 'P-1' });
    const check = { do: 'quality-check', package: 'P-1', passed: false, notes: '"'.repeat(512) };
    const more = supplyChainLimits.entriesOfPackage - 2;
    for (let entry = 0; entry < more; entry++) must(check as Step);
    expect(take(check as Step)).toEqual(rejected(/history of package P-1 is full/));
    const value = state.values.get(keys.package('P-1')) ?? '';
    expect(Buffer.byteLength(value)).toBeLessThan(sessionLimits.valueBytes);
  });
});

describe('bounds', () => {
  it('holds a number of suppliers of each owner, and of sessions at work', () => {
    const { take, must, state } = warehouse();
    state.values.set(keys.suppliersOf('alice'), String(supplyChainLimits.suppliersOfOwner));
    expect(take(registration(sampleSupplier('one-more')))).toEqual(rejected(/100 suppliers/));
    must(registration(sampleSupplier('one-more')), 'bob');
    for (let session = 0; session <= supplyChainLimits.sessionsOfOwner; session++) {
      must({ do: 'start-work', station: 'dock-1' }, 'alice', `alice-${session}`);
    }
    const scan = { do: 'scan', package: 'P-1' } as const;
    expect(take(scan, 'alice', 'alice-0')).toEqual(rejected(/station/));
    expect(take(scan, 'alice', 'alice-1')).toEqual(rejected(/not known/));
  });

  it.each([
    ['{', /not JSON/],
    ['[]', /not a JSON object/],
    ['null', /not a JSON object/],
    ['{}', /"do" must be one of register-supplier, /],
    ['{"do":"toString"}', /"do" must be/],
    ['{"do":"scan"}', /"package" must be a letter or digit/],
    ['{"do":"scan","package":"P 1"}', /"package" must be a letter or digit/],
    ['{"do":"scan","package":"P-1","force":true}', /fields do, at, package and no others/],
    ['{"do":"scan","package":"P-1","__proto__":{}}', /and no others/],
    ['{"do":"scan","package":"P-1","at":"now"}', /"at" must be a time/],
    ['{"do":"register-supplier","supplier":"a","publicKey":"00"}', /"publicKey" must be 64/],
    ['{"do":"quality-check","package":"P-1","passed":1,"notes":""}', /"passed" must be true/],
    ['{"do":"quality-check","package":"P-1","passed":true,"notes":"a\\nb"}', /"notes" must be one/],
    ['{"do":"quality-check","package":"P-1","passed":true,"notes":"\\ud800"}', /"notes" must be/],
  ])('understands nothing else: %s', (payload, reason) => {
    expect(warehouse().take(payload)).toEqual(rejected(reason));
  });

  it('throws at nothing', () => {
    const { state } = warehouse();
    const payload = fc.oneof(
      fc.string(),
      fc.json(),
      fc.jsonValue().map((value) => JSON.stringify({ do: 'scan', package: value })),
    );
    fc.assert(
      fc.property(payload, (text) => {
        const { kind } = supplyChain.apply(new MemoryState(state.values), callOf(text));
        expect(kind).toBe('rejected');
      }),
    );
  });
});

describe('interference', () => {
  const id = fc.constantFrom('P-1', 'P-2');
  const one = fc.constantFrom('1', '2');
  const forged = signedPackage(acme, 'P-2').signature;
  const step = fc.oneof(
    fc.constantFrom<Step>(registration(acme), registration(sampleSupplier('other'))),
    id.map((name): Step => ({ ...signedPackage(acme, name), signature: forged })),
    id.map((name): Step => signedPackage(sampleSupplier('other'), name)),
    one.map((station): Step => ({ do: 'start-work', station })),
    id.chain((name) =>
      fc.constantFrom<Step>(
        { do: 'scan', package: name },
        { do: 'validate-signature', package: name },
        { do: 'quality-check', package: name, passed: true, notes: '' },
        { do: 'release', package: name },
        { do: 'history', package: name },
      ),
    ),
    fc
      .tuple(id, one)
      .map(([name, label]): Step => ({ do: 'label', package: name, courier: 'dhl', label })),
  );
  const caller = fc.constantFrom(
    { owner: 'alice', session: 'a1' },
    { owner: 'alice', session: 'a2' },
    { owner: 'bob', session: 'b1' },
  );
  const call = fc.tuple(step, caller).map(([payload, who]) => callOf(payload, who));

  /** One package in the hands of alice, one in those of bob, both ready for their labels. */
  const steps = [registration(acme), ...['P-1', 'P-2'].map((name) => signedPackage(acme, name))];
  const held = (name: string, owner: string, session: string) =>
    workflow(acme, name)
      .slice(1, -1)
      .map((each) => callOf(each, { owner, session }));
  const made = [
    ...steps.map((each) => callOf(each)),
    ...held('P-1', 'alice', 'a1'),
    ...held('P-2', 'bob', 'b1'),
  ];

  it('is between calls that use the same label, or take of the same bound', () => {
    const between = (a: Step, b: Step) => supplyChain.interferes(callOf(a), callOf(b));
    const label = (id: string, courier: string): Step => {
      return { do: 'label', package: id, courier, label: '7' };
    };
    expect(between(label('P-1', 'dhl'), label('P-2', 'dhl'))).toBe(true);
    expect(between(label('P-1', 'dhl'), label('P-2', 'ups'))).toBe(false);
    const [other, third] = [sampleSupplier('other'), sampleSupplier('third')];
    expect(between(registration(other), registration(third))).toBe(true);
    expect(between(signedPackage(acme, 'P-1'), signedPackage(acme, 'P-2'))).toBe(false);
  });

  it('is told where the order of two calls shows', () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.array(call, { maxLength: 20 }),
        call,
        call,
        (isReady, before, a, b) => {
          const all = [...(isReady ? made : []), ...before];
          expect(findOrderFault(supplyChain, { before: all, a, b })).toBeUndefined();
        },
      ),
      { numRuns: 1000 },
    );
  });
});
