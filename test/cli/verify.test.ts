import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeDecisionProof } from '../../src/agreement/certificate.js';
import { checkProof } from '../../src/service/client/proof-check.js';
import { cli } from './support/cli.js';
import { clusterOnDisk } from './support/cluster-on-disk.js';

async function fixture() {
  const made = await clusterOnDisk();
  const { directory, clusterFile, evidence } = made;
  const file = join(directory, 'transfer.proof');
  const bytes = encodeDecisionProof(evidence.decision(evidence.commitValue()));
  await writeFile(file, bytes);
  return {
    ...made,
    bytes,
    verify: async (content: Uint8Array = bytes, ...more: string[]) => {
      await writeFile(file, content);
      return cli('verify', file, '--cluster', clusterFile, ...more);
    },
  };
}

describe('concordat verify', () => {
  it('tells what a valid proof proves', async () => {
    const { verify, evidence } = await fixture();
    const { exitCode, out } = await verify();
    expect(exitCode).toBe(0);
    expect(out).toContain(`valid: transaction ${evidence.tid} committed`);
    expect(out).toContain('coordinator-0, coordinator-1, coordinator-2 in view 0');
    expect(out).toMatch(/bank-b +durable +prepared +\S/);
    const json = JSON.parse((await verify(undefined, '--json')).out);
    expect(json).toMatchObject({
      valid: true,
      transactionId: evidence.tid,
      outcome: 'committed',
      initiators: ['initiator-0', 'initiator-1'],
      participants: [
        { participant: 'bank-a', vote: 'prepared' },
        { participant: 'bank-b', vote: 'prepared' },
      ],
    });
  });

  it('tells why a transaction aborted', async () => {
    const { verify, evidence } = await fixture();
    const value = evidence.commitValue({
      outcome: 'abort',
      reason: 'vote',
      completion: [],
      records: [evidence.record('bank-a'), evidence.record('bank-b', 'aborted')],
    });
    const { exitCode, out } = await verify(encodeDecisionProof(evidence.decision(value)));
    expect(exitCode).toBe(0);
    expect(out).toContain('aborted (vote)');
    expect(out).toMatch(/bank-b +durable +aborted/);
  });

  it('refuses a proof with any one byte changed', async () => {
    const { bytes, cluster, verify } = await fixture();
    const accepted: number[] = [];
    for (let at = 0; at < bytes.length; at += 1) {
      if (checkProof(cluster, flipped(bytes, at)).ok) accepted.push(at);
    }
    expect(accepted).toEqual([]);
    for (const at of [0, bytes.length >> 1, bytes.length - 1]) {
      const { exitCode, out, err } = await verify(flipped(bytes, at));
      expect({ exitCode, err }).toEqual({ exitCode: 1, err: '' });
      expect(out).toMatch(/^INVALID: ./);
    }
  });

  it('refuses what is too short, too long, empty, or of another cluster', async () => {
    const { bytes, verify, clusterFile } = await fixture();
    const longer = Buffer.concat([bytes, Buffer.alloc(1)]);
    for (const content of [bytes.subarray(0, -1), longer, new Uint8Array()]) {
      expect(await verify(content)).toMatchObject({ exitCode: 1 });
    }
    const { exitCode, out } = await verify(new Uint8Array(), '--json');
    expect({ exitCode, ...JSON.parse(out) }).toMatchObject({ exitCode: 1, valid: false });
    const other = await fixture();
    const foreign = join(other.directory, 'transfer.proof');
    expect(await cli('verify', foreign, '--cluster', clusterFile)).toMatchObject({ exitCode: 1 });
  });
});

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const changed = bytes.slice();
  changed[at] = (bytes[at] ?? 0) ^ 1;
  return changed;
}
