import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { encodeDecisionProof } from '../../src/agreement/certificate.js';
import { claimPorts } from '../../src/cli/local/port-range.js';
import { transactionId } from '../../src/kernel/ids.js';
import { cli } from './support/cli.js';
import { clusterOnDisk } from './support/cluster-on-disk.js';

/** Coordinators that answer every request with these bytes; the first one at the first port. */
async function fixture(answers: (made: Awaited<ReturnType<typeof clusterOnDisk>>) => Uint8Array[]) {
  const { basePort, release } = await claimPorts();
  onTestFinished(release);
  const made = await clusterOnDisk(basePort);
  for (const [index, answer] of answers(made).entries()) {
    const server = createServer((_, response) => response.end(answer));
    await new Promise<void>((resolve) => {
      server.listen(basePort + index, '127.0.0.1', resolve);
    });
    onTestFinished(() => close(server));
  }
  const file = join(made.directory, 'kept.proof');
  const { tid } = made.evidence;
  return { tid, file, run: () => cli('proof', tid, '-c', made.clusterFile, '-o', file) };
}

it('keeps the first proof that is valid and of this transaction', async () => {
  let good: Uint8Array = new Uint8Array();
  const { file, run } = await fixture(({ evidence }) => {
    good = encodeDecisionProof(evidence.decision(evidence.commitValue()));
    const tid = transactionId('00000000-0000-8000-8000-00000000beef');
    const records = ['bank-a', 'bank-b'].map((name) => ({
      registration: evidence.registration(name, { tid }),
      vote: evidence.vote(name, 'prepared', { tid }),
    }));
    const completion = [0, 1].map((initiator) => evidence.completion(initiator, { tid }));
    const other = evidence.decision(evidence.commitValue({ tid, records, completion }));
    return [good.subarray(1), encodeDecisionProof(other), good];
  });
  const { exitCode, out } = await run();
  expect(out).toContain('committed');
  expect(exitCode).toBe(0);
  expect(Buffer.from(good).equals(await readFile(file))).toBe(true);
});

it('writes nothing where no proof is good', async () => {
  const { file, run } = await fixture(() => [Buffer.from('CCPROOF1 trust me')]);
  const { exitCode, err } = await run();
  expect(err).toMatch(/coordinator-0: bad proof: .*coordinator-1: no answer/);
  expect(exitCode).toBe(1);
  await expect(readFile(file)).rejects.toThrow('ENOENT');
});

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
