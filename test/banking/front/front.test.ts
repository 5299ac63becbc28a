import { join } from 'node:path';
import { createClientAsync } from 'soap';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { startFront } from '../../../src/banking/front/front-node.js';
import { transactionId } from '../../../src/kernel/ids.js';
import { createStore } from '../../../src/kernel/store/store.js';
import { soapFaults } from '../../../src/soap/faults.js';
import { temporaryDirectory } from '../../kernel/support/directory.js';
import { serveInitiator } from '../../support/nodes/stubs.js';
import { log, World } from '../../support/nodes/world.js';

const tid = transactionId('00000000-0000-8000-8000-000000000001');
const order = {
  debtor: { bank: 'bank-a', account: 'a1' },
  creditor: [
    { bank: 'bank-b', account: 'b1', amountMinor: 300 },
    { bank: 'bank-b', account: 'b2', amountMinor: 200 },
  ],
  currency: 'EUR',
};

let world: World;
beforeEach(async () => {
  world = await World.make({ defaultExpiresMs: 500 });
});

async function front() {
  const dataDir = await temporaryDirectory();
  await createStore(join(dataDir, 'requests'));
  const running = await startFront({
    cluster: world.cluster,
    node: { ...world.node('front', 'front'), dataDir },
    log,
  });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= running.stop();
    return stopped;
  };
  onTestFinished(stop);
  return { ...running, stop };
}

/** A client made from the WSDL, as any SOAP toolkit would. */
async function caller(forceSoap12Headers: boolean) {
  const { url } = await front();
  const client = await createClientAsync(`${url}/transfer?wsdl`, { forceSoap12Headers });
  return async (): Promise<unknown> => {
    const { TransferAsync } = client;
    const [answer] = await TransferAsync(order);
    return answer;
  };
}

describe('the front door', () => {
  for (const is12 of [false, true]) {
    it(`serves a SOAP ${is12 ? '1.2' : '1.1'} client made from its WSDL`, async () => {
      const outcome = { transactionId: tid, outcome: 'aborted', reason: 'Closed' } as const;
      const seen = await serveInitiator(world, 0, () => outcome);
      await serveInitiator(world, 1, () => outcome);
      const call = await caller(is12);
      expect(await call()).toMatchObject(outcome);
      await call();
      expect(seen[0]?.client).toMatch(/^front\/[0-9]+$/);
    });
  }

  it('answers with a fault when the initiators disagree or keep silent', async () => {
    await serveInitiator(world, 0, () => ({ transactionId: tid, outcome: 'committed' }));
    const call = await caller(false);
    await expect(call()).rejects.toThrow(/OutcomeUnknown.*too few initiators/);
  });

  it('hands on what the initiators refuse', async () => {
    for (const index of [0, 1, 2]) {
      await serveInitiator(world, index, () => {
        throw soapFaults.sender('There is no bank bank-b.');
      });
    }
    const call = await caller(true);
    await expect(call()).rejects.toThrow('There is no bank bank-b.');
  });

  it('tells whether it is up', async () => {
    const { url } = await front();
    expect(await (await fetch(`${url}/healthz`)).json()).toMatchObject({ status: 'ok' });
  });
});
