import { describe, expect, it } from 'vitest';
import { heaviestFrames } from '../../fuzz/peer/heaviest.js';
import { heaviestBlocks } from '../../fuzz/soap/heaviest.js';
import { Random } from '../../fuzz/support/random.js';
import { maxMessageBytes } from '../../src/edge/peer/frames.js';
import { parseXml } from '../../src/edge/soap/parse-xml.js';
import { replicaId } from '../../src/vocabulary/ids.js';
import { decodePeerMessage } from '../../src/wire/index.js';
import { decodeOrderingMessage } from '../../src/wire/ordering/index.js';
import { testCluster } from '../support/keys.js';

const parties = testCluster();
const { id: cluster } = parties.cluster;
const liar = { cluster, self: replicaId(3), sign: parties.replicaSign(3), replicas: 4 };
const frameHeadBytes = 5;

describe('the heaviest messages are legal', () => {
  it.each(Object.entries(heaviestBlocks))('XML: %s', (_, make) => {
    expect(parseXml(make()).attributes).toBeDefined();
  });

  it.each(Object.entries(heaviestFrames))('between coordinators: %s', (_, make) => {
    const frame = make(new Random(1, 1), liar);
    const message = frame.subarray(frameHeadBytes);
    expect(message.length).toBeLessThanOrEqual(maxMessageBytes);
    const decode = frame[4] === 0 ? decodePeerMessage : decodeOrderingMessage;
    expect(decode(cluster, message)).toBeDefined();
  });
});
