import { describe, expect, it } from 'vitest';
import { decodePeerMessage } from '../../src/agreement/peer-message.js';
import { replicaId } from '../../src/kernel/ids.js';
import { maxMessageBytes } from '../../src/kernel/links/frames.js';
import { decodeOrderingMessage } from '../../src/ordering/message-codec.js';
import { parseXml } from '../../src/soap/parse-xml.js';
import { testCluster } from '../support/keys.js';
import { heaviestFrames } from './peer/heaviest.js';
import { heaviestBlocks } from './soap/heaviest.js';
import { Random } from './support/random.js';

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
