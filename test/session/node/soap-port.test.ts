import { createClientAsync } from 'soap';
import { beforeEach, describe, expect, it } from 'vitest';
import { decodeOutcomeProof } from '../../../src/session/proof.js';
import { standardsPresent, validateAgainstStandards } from '../../support/schemas.js';
import { done, toolkitRun } from './support/owner.js';
import { Served } from './support/served.js';

let served: Served;
beforeEach(async () => {
  served = await Served.start();
});

/** What a toolkit makes of an answer. */
interface Answer {
  readonly session: string;
  readonly next: string | number;
  readonly status: readonly { readonly witness?: readonly object[]; readonly proof?: string }[];
}

/** A client made from the WSDL, as any SOAP toolkit would, and the texts that it got. */
async function caller(forceSoap12Headers: boolean) {
  const client = await createClientAsync(`${served.url}/session?wsdl`, { forceSoap12Headers });
  const texts: string[] = [];
  client.on('response', (body: unknown) => texts.push(String(body)));
  const methods: Readonly<Record<string, (request: object) => Promise<[Answer]>>> = client;
  const call = async (name: 'Perform' | 'Commit' | 'Status', request: object) => {
    const [answer] = (await methods[`${name}Async`]?.(request)) ?? [];
    return answer;
  };
  return { call, texts };
}

describe.each([false, true])(
  'the session port, for a client made from its WSDL (1.2: %s)',
  (is12) => {
    it('takes signed operations and answers with receipts, witnesses and proofs', async () => {
      const { world } = served;
      const { call, texts } = await caller(is12);
      const run = world.run(' <spaced & marked>\n', 'second', null);
      const performed = call('Perform', { run: toolkitRun(run), commit: true });
      const input = await served.next('run');
      expect(input.run).toMatchObject({ session: world.session, run });
      expect(input.commit).toBe(true);
      const statuses = [
        world.provisional(1, world.head, done(' x ')),
        world.witnessed(2, world.head, { kind: 'rejected', reason: 'sold\u0000' }),
        { ...world.final('changed', 3, world.head, done('3')), simulated: done('three') },
      ].map((status, index) => ({ sequence: index + 1, status }));
      const answer = { session: world.session, next: 4, statuses };
      served.service.take({ kind: 'answer', replyId: input.replyId, ...answer });
      const got = await performed;
      expect(got).toMatchObject({ session: world.session });
      if (!got) throw new Error('no answer');
      expect(Number(got.next)).toBe(4);
      const [first, second, third] = got.status;
      expect(first).toMatchObject({ kind: 'provisional', receipt: { head: world.head } });
      expect(second).toMatchObject({ result: { rejected: 'sold\ufffd' } });
      expect(second?.witness).toHaveLength(2);
      expect(third).toMatchObject({ kind: 'changed', simulated: { done: 'three' } });
      const proof = decodeOutcomeProof(
        world.setting.cluster.id,
        Buffer.from(third?.proof ?? '', 'base64'),
      );
      expect(proof.outcome.result).toEqual(done('3'));
      if (standardsPresent) expect(await validateAgainstStandards(texts)).toEqual([]);
    });

    it('commits, and says where things stand', async () => {
      const { call } = await caller(is12);
      const { session } = served.world;
      const committed = call('Commit', { session });
      const commit = await served.next('commit');
      expect(commit.session).toBe(session);
      const empty = { kind: 'answer', session, next: 5, statuses: [] } as const;
      served.service.take({ ...empty, replyId: commit.replyId });
      expect(await committed).toMatchObject({ session });
      const asked = call('Status', { session, from: 5 });
      const status = await served.next('status');
      expect(status.from).toBe(5);
      served.service.take({ ...empty, replyId: status.replyId });
      await asked;
    });

    it('tells by faults what is wrong, and when to come again', async () => {
      const { world } = served;
      const { call } = await caller(is12);
      const run = toolkitRun(world.run('buy'));
      const cases = [
        [
          { code: 'busy', retryAfterMs: 250.5, reason: 'full' },
          /Busy/,
          '<s:retryAfterMs>251</s:retryAfterMs>',
        ],
        [{ code: 'gap', next: 3 }, /Gap/, '<s:next>3</s:next>'],
        [{ code: 'conflict', sequence: 2 }, /Conflict/, '<s:sequence>2</s:sequence>'],
        [{ code: 'ended' }, /Ended/, '<s:Ended'],
      ] as const;
      for (const [refusal, code, detail] of cases) {
        const performed = call('Perform', { run }).catch((error: unknown) => error);
        const { replyId } = await served.next('run');
        served.service.take({ kind: 'refused', replyId, refusal });
        const error = (await performed) as Error & { body: string };
        expect(error.message).toMatch(code);
        expect(error.body).toContain(detail);
        if (standardsPresent) expect(await validateAgainstStandards([error.body])).toEqual([]);
      }
      const forged = { ...run, signature: Buffer.alloc(64, 1).toString('base64') };
      await expect(call('Perform', { run: forged })).rejects.toThrow(/NotOwner/);
      await expect(call('Perform', { run: { ...run, before: 'x' } })).rejects.toThrow(/before/);
      expect(served.inputs).toEqual([]);
    });
  },
);
