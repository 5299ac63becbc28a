import { describe, expect, it } from 'vitest';
import { clientId, participantId, transactionId } from '../../../src/kernel/ids.js';
import {
  call,
  commit,
  type InitiatorApplication,
} from '../../../src/service/initiator/procedures.js';
import { type ProcedureRun, runOperations } from '../../../src/service/initiator/run-port.js';
import {
  type Run,
  readRunResponse,
  serviceActions,
  writeCall,
  writeRun,
} from '../../../src/service/messages.js';
import { SoapFault } from '../../../src/soap/faults.js';
import type { ReceivedMessage } from '../../../src/soap/verification.js';
import type { XmlElement } from '../../../src/soap/xml.js';
import { sent } from '../../soap/body-harness.js';
import { testCluster } from '../../support/keys.js';

const tid = transactionId('00000000-0000-8000-8000-000000000001');
const travel: InitiatorApplication = {
  name: 'travel',
  procedures: {
    *book({ payload, client }) {
      yield [call('hotel', 'reserve', [client, payload])];
      return commit();
    },
  },
};
const permit = { participant: participantId('hotel'), operation: 'pay', payload: '7' };
const good: Run = { application: 'travel', procedure: 'book', payload: '1', permits: [permit] };

/** What the port asks its node for, with such a body and header. */
const warrant = { kind: 'request', bytes: Buffer.from('as it came'), of: 'alice' } as const;

async function askedBy(
  body: XmlElement | undefined,
  { client = 'alice/0', timestamp = 7, clusterId = 'test' } = {},
): Promise<{ asked: ProcedureRun[]; answer: XmlElement | undefined }> {
  const asked: ProcedureRun[] = [];
  const { cluster } = testCluster();
  const operation = runOperations({
    cluster: { ...cluster, id: clusterId as typeof cluster.id },
    applications: new Map([['travel', travel]]),
    readHeader: () => ({ client: clientId(client), timestamp, warrant }),
    ask: async (run) => {
      asked.push(run);
      return { kind: 'outcome', transactionId: tid, outcome: 'aborted', reason: 'Full' };
    },
  })[serviceActions.run];
  if (operation?.kind !== 'request-reply') throw new Error('no such operation');
  const message = { body } as unknown as ReceivedMessage;
  const answer = await operation.handle(message);
  return { asked, answer: answer.body };
}

const run = (over: Partial<Run> = {}) => sent(writeRun({ ...good, ...over }));

describe('a Run at an initiator', () => {
  it('is run as its client’s, with what it signed handed on, and answered with the outcome', async () => {
    const { asked, answer } = await askedBy(run());
    expect(asked).toMatchObject([
      {
        ...{ kind: 'request', client: 'alice/0', timestamp: 7 },
        warrant,
      },
    ]);
    const operation = asked[0]?.operation;
    expect(operation?.kind === 'procedure' && operation.next([])).toMatchObject({
      legs: [{ participant: 'hotel', payload: '["alice",1]' }],
    });
    expect(answer && readRunResponse(sent(answer))).toEqual({
      ...{ transactionId: tid, outcome: 'aborted', reason: 'Full' },
    });
  });

  it('has a digest of its own for all that it says, of whom, when and where', async () => {
    const digestOf = async (...asked: Parameters<typeof askedBy>) =>
      (await askedBy(...asked)).asked[0]?.digest;
    const digests = await Promise.all([
      digestOf(run()),
      digestOf(run({ payload: '2' })),
      digestOf(run({ payload: '1.0' })),
      digestOf(run({ permits: [] })),
      digestOf(run({ permits: [permit, permit] })),
      digestOf(run({ permits: [{ ...permit, payload: '8' }] })),
      digestOf(run({ permits: [{ ...permit, operation: 'pay2' }] })),
      digestOf(run({ permits: [{ ...permit, participant: participantId('train') }] })),
      digestOf(run(), { client: 'alice/1' }),
      digestOf(run(), { timestamp: 8 }),
      digestOf(run(), { clusterId: 'other' }),
    ]);
    expect(new Set(digests).size).toBe(digests.length);
    expect(await digestOf(run())).toBe(digests[0]);
  });

  it.each<[string, XmlElement | undefined, string]>([
    ['an unknown application', run({ application: 'other' }), 'UnknownApplication'],
    ['an unknown procedure', run({ procedure: 'cancel' }), 'UnknownProcedure'],
    ['what every object has', run({ procedure: 'toString' }), 'UnknownProcedure'],
    ['another body', sent(writeCall({ number: 0, operation: 'pay', payload: '7' })), 'Sender'],
    ['no body', undefined, 'Sender'],
  ])('with %s is refused before anything is asked for', async (_, body, code) => {
    const asking = askedBy(body);
    await expect(asking).rejects.toBeInstanceOf(SoapFault);
    await expect(asking).rejects.toMatchObject({ code });
  });
});
