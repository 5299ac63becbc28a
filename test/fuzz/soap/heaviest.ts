import { defaultXmlLimits, parseXml } from '../../../src/soap/parse-xml.js';
import type { XmlElement } from '../../../src/soap/xml.js';
import type { Attack } from '../attack.js';
import { insiders } from '../ground/victim.js';
import { asMallory, signAs } from './insiders.js';
import { type Range, soapAttack } from './range.js';

const open = '<h:pad xmlns:h="urn:heavy"';
const close = '</h:pad>';
/** What the message itself takes of each bound, at the most. */
const own = { length: 60_000, elements: 400, depth: 8, bindings: 24, attributes: 2 };

const { length, elements, depth, bindings, attributes } = defaultXmlLimits;

/** Header blocks that bring a message close to one bound of what ports read, each written anew by canonicalization. */
export const heaviestBlocks: Readonly<Record<string, () => string>> = {
  text: () => `${open}>${'A'.repeat(length - own.length)}${close}`,
  'characters that are escaped': () =>
    `${open}>${'&gt;'.repeat((length - own.length) / 4)}${close}`,
  elements: () => `${open}>${'<h:a/>'.repeat(elements - own.elements)}${close}`,
  nesting: () => {
    const levels = depth - own.depth;
    return `${open}>${'<h:a>'.repeat(levels)}${'</h:a>'.repeat(levels)}${close}`;
  },
  'namespace bindings': () => {
    const prefixes = Array.from({ length: attributes - own.attributes }, (_, index) => `p${index}`);
    const declared = prefixes.map((prefix) => ` xmlns:${prefix}="urn:heavy:${prefix}"`).join('');
    return `${open}${declared}>${prefixes
      .map((prefix) => `<${prefix}:a/>`)
      .join('')
      .repeat(40)}${close}`;
  },
  'namespace bindings in use deep down': () => {
    const levels = Math.min(depth - own.depth, bindings - own.bindings);
    const starts = Array.from(
      { length: levels },
      (_, level) => `<n${level}:a xmlns:n${level}="urn:n${level}">`,
    );
    const ends = Array.from({ length: levels }, (_, level) => `</n${levels - 1 - level}:a>`);
    return `${open}>${starts.join('')}${'<n0:b/>'.repeat(4000)}${ends.join('')}${close}`;
  },
  attributes: () => {
    const names = Array.from(
      { length: attributes - own.attributes },
      (_, index) => ` a${index}="1"`,
    );
    return `${open}>${`<h:a${names.join('')}/>`.repeat(1000)}${close}`;
  },
};

/** Messages as heavy as ports read them, well signed by members who may send them. */
export function heaviestAttacks(range: Range): Attack[] {
  const { templates } = range.victim.recording;
  const senders = [
    {
      name: insiders.coordinator,
      own: templates.filter(({ sender }) => sender.startsWith('coord')),
    },
    {
      name: insiders.participant,
      own: templates.filter(({ sender }) => sender.startsWith('bank')),
    },
    {
      name: insiders.client,
      own: templates.filter(({ sender }) => sender === 'alice').map(asMallory),
    },
  ];
  return Object.entries(heaviestBlocks).map(([kind, make]) => {
    let block: XmlElement | undefined;
    return soapAttack(range, `heaviest: ${kind}`, 1, (random) => {
      block ??= parseXml(make());
      const { name, own: recorded } = random.pick(senders);
      const template = random.pick(recorded);
      return signAs(range, name, template, { headers: [...template.message.headers, block] });
    });
  });
}
