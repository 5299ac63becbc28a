import { describe, expect, it } from 'vitest';
import { serialize } from '../../src/soap/canonical.js';
import { readEnvelope, type SoapMessage } from '../../src/soap/envelope.js';
import { SoapFault } from '../../src/soap/faults.js';
import { parseXml, XmlError } from '../../src/soap/parse-xml.js';
import { decodeXml, TextEncodingError } from '../../src/soap/transport.js';
import { alice, prepareMessage, signerOf, testVerifier } from '../support/signed-messages.js';
import { mutateBytes, mutateLetters } from './mutate/bytes.js';
import { hostileXml } from './mutate/hostile-xml.js';
import { wrapSignature } from './mutate/wrapping.js';
import { mutateXml } from './mutate/xml.js';
import { Random } from './support/random.js';

/** Everything in a message that anybody could act on. */
function meaningOf({ addressing, headers, body }: SoapMessage): unknown {
  const { from, replyTo, faultTo, ...texts } = addressing;
  const addresses = [from, replyTo, faultTo].map((endpoint) => endpoint?.address);
  return { texts, addresses, content: [...headers, body].map((part) => part && serialize(part)) };
}

/** No document of at most 1 MiB takes so long, on a machine that does much else besides. */
const boundMs = 3000;

/** What the action throws, where it is one of ours; what else it throws is the test's failure. */
function thrown(action: () => unknown, ...ours: readonly (new (...args: never) => Error)[]) {
  const start = performance.now();
  try {
    action();
    return undefined;
  } catch (error) {
    if (ours.some((one) => error instanceof one)) return error;
    throw error;
  } finally {
    expect(performance.now() - start).toBeLessThan(boundMs);
  }
}

describe('hostile documents', () => {
  const makers = Object.entries(hostileXml).flatMap(([kind, makes]) =>
    makes.map((make, index) => ({ kind: `${kind} ${index}`, make })),
  );

  it.each(makers)('$kind: no error but ours, and no message, in bounded time', ({ make }) => {
    for (let stream = 0; stream < 2; stream += 1) {
      const text = make(new Random(1, stream));
      thrown(() => parseXml(text), XmlError);
      expect(thrown(() => testVerifier().verify(text), SoapFault)).toBeInstanceOf(SoapFault);
    }
  });

  it.each(hostileXml.declarations.map((make, index) => ({ index, make })))(
    'declaration $index is refused',
    ({ make }) => {
      const text = make(new Random(2));
      // The reader of bytes refuses an encoding. The parser sees text, for which HTTP may have named it.
      const kind = text.includes(' encoding=') ? TextEncodingError : XmlError;
      const bytes = Buffer.from(text);
      expect(thrown(() => parseXml(decodeXml(bytes, undefined)), kind)).toBeInstanceOf(kind);
    },
  );
});

describe('a signed message that has been taken', () => {
  const signed = signerOf(alice).sign(prepareMessage());
  const verifier = testVerifier();
  verifier.verify(signed);

  it.each([
    ['bytes changed', (random: Random) => mutateBytes(random, Buffer.from(signed)).toString()],
    ['letters changed', (random: Random) => mutateLetters(random, signed)],
    ['markup changed', (random: Random) => mutateXml(random, signed)],
    ['a part moved', (random: Random) => wrapSignature(random, signed)],
  ])('is refused with %s', (_, make) => {
    for (let stream = 0; stream < 700; stream += 1) {
      const text = make(new Random(3, stream));
      const fault = thrown(() => verifier.verify(text), SoapFault);
      if (!(fault instanceof SoapFault)) throw new Error(`taken: stream ${stream}\n${text}`);
      thrown(() => readEnvelope(text), SoapFault);
    }
  });

  it('says what it said, where a part is moved and it is not taken yet', () => {
    const said = meaningOf(testVerifier().verify(signed));
    for (let stream = 0; stream < 300; stream += 1) {
      const text = wrapSignature(new Random(4, stream), signed);
      // A further token that nobody refers to does no harm.
      thrown(() => expect(meaningOf(testVerifier().verify(text))).toEqual(said), SoapFault);
    }
  });
});
