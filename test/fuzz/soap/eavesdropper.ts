import type { Attack } from '../attack.js';
import { mutateBytes, mutateLetters } from '../mutate/bytes.js';
import { wrapSignature } from '../mutate/wrapping.js';
import { mutateXml } from '../mutate/xml.js';
import { addressesOf, type Range, soapAttack } from './range.js';

const refused = { kind: 'refused' } as const;

/** What one can do who has seen signed messages and holds no key. */
export function eavesdropperAttacks(range: Range): Attack[] {
  const { stock } = range;
  const { templates } = range.victim.recording;
  return [
    soapAttack(range, 'signed: replayed', 40, (random) => {
      const { address, text } = stock.pick(random);
      // The sender of very many messages is told so instead.
      return { address, text, expected: { kind: 'refused', codes: ['InvalidSecurity'] } };
    }),
    soapAttack(range, 'signed: sent to another service', 60, (random) => {
      const { address: own, text } = stock.pick(random);
      const address = random.pick(addressesOf(templates).filter((other) => other !== own));
      return { address, text, expected: refused };
    }),
    soapAttack(range, 'signed: letters changed', 100, (random) => {
      const { address, text } = stock.pick(random);
      return { address, text: mutateLetters(random, text), expected: refused };
    }),
    soapAttack(range, 'signed: bytes changed', 80, (random) => {
      const { address, text } = stock.pick(random);
      return { address, text: mutateBytes(random, Buffer.from(text)), expected: refused };
    }),
    soapAttack(range, 'signed: markup changed', 150, (random) => {
      const { address, text } = stock.pick(random);
      return { address, text: mutateXml(random, text), expected: refused };
    }),
    soapAttack(range, 'signed: part moved (wrapping)', 250, (random) => {
      const { address, text } = stock.pick(random);
      return { address, text: wrapSignature(random, text), expected: refused };
    }),
    soapAttack(range, 'signed: in the other SOAP version', 10, (random) => {
      const { address, text, template } = stock.pick(random);
      const version = template.message.version === '1.1' ? '1.2' : '1.1';
      return { address, text, version, expected: refused };
    }),
  ];
}
