import type { Attack } from '../attack.js';
import { mutateBytes } from '../mutate/bytes.js';
import { hostileXml } from '../mutate/hostile-xml.js';
import { mutateXml } from '../mutate/xml.js';
import type { Random } from '../support/random.js';
import { addressesOf, type Range, type SoapInput, soapAttack, unsigned } from './range.js';

/** Documents that no port may even read to the end, and messages that nobody has signed. */
export function documentAttacks(range: Range): Attack[] {
  const { templates } = range.victim.recording;
  const addresses = addressesOf(templates);
  const transferUrl = range.victim.local.transferUrl;
  const anyPort = (random: Random): string =>
    random.oneIn(8) ? transferUrl : random.pick(addresses);
  const document = (kind: string, weight: number, texts: readonly ((random: Random) => string)[]) =>
    soapAttack(
      range,
      `document: ${kind}`,
      weight,
      (random): SoapInput => ({
        address: anyPort(random),
        text: random.pick(texts)(random),
        version: random.oneIn(4) ? '1.1' : '1.2',
        expected: { kind: 'refused' },
      }),
    );
  return [
    document('DTD, entity bomb', 40, hostileXml.declarations),
    document('deep nesting', 15, hostileXml.nestings),
    document('huge', 8, hostileXml.giants),
    document('malformed', 60, hostileXml.oddities),
    soapAttack(range, 'document: over the size limit', 1, (random) => ({
      address: anyPort(random),
      text: 'A'.repeat(random.between(1_048_577, 4_000_000)),
      expected: { kind: 'refused' },
    })),
    soapAttack(range, 'document: not UTF-8', 10, (random) => ({
      address: anyPort(random),
      text: Buffer.concat([Buffer.from('<a>'), random.bytes(200), Buffer.from([0xff, 0xc0])]),
      expected: { kind: 'refused' },
    })),
    soapAttack(range, 'document: nobody signed it', 60, (random) => {
      const template = random.pick(templates);
      return {
        address: template.address,
        text: unsigned(template),
        expected: { kind: 'refused', codes: ['InvalidSecurity'] },
      };
    }),
    soapAttack(range, 'document: nobody signed it, bytes changed', 60, (random) => {
      const template = random.pick(templates);
      const text = mutateBytes(random, Buffer.from(unsigned(template)));
      return { address: template.address, text, expected: { kind: 'refused' } };
    }),
    soapAttack(range, 'document: nobody signed it, markup changed', 60, (random) => {
      const template = random.pick(templates);
      const text = mutateXml(random, unsigned(template));
      return { address: template.address, text, expected: { kind: 'refused' } };
    }),
  ];
}
