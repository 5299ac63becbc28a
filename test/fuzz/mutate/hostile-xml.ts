import type { Random } from '../support/random.js';

/** Documents that parsers have choked on. None of them is a message of ours. */

const soap12 = 'http://www.w3.org/2003/05/soap-envelope';
const open = `<S:Envelope xmlns:S="${soap12}"><S:Body>`;
const close = '</S:Body></S:Envelope>';

type Make = (random: Random) => string;

function entityBomb(random: Random): string {
  const levels = random.between(3, 12);
  const lines = Array.from({ length: levels }, (_, level) =>
    level === 0 ? '<!ENTITY e0 "lol">' : `<!ENTITY e${level} "${`&e${level - 1};`.repeat(10)}">`,
  );
  return `<!DOCTYPE S:Envelope [${lines.join('')}]>${open}&e${levels - 1};${close}`;
}

function quadraticBomb(random: Random): string {
  const big = 'A'.repeat(random.between(1000, 60_000));
  return `<!DOCTYPE x [<!ENTITY a "${big}">]>${open}${'&a;'.repeat(random.between(10, 5000))}${close}`;
}

const declarations: readonly Make[] = [
  entityBomb,
  quadraticBomb,
  () => `<!DOCTYPE x SYSTEM "file:///etc/passwd">${open}${close}`,
  () => `<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>${open}&f;${close}`,
  () => `<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x.dtd">%p;]>${open}${close}`,
  () => `<!DOCTYPE x [<!ENTITY a "&b;"><!ENTITY b "&a;">]>${open}&a;${close}`,
  () => `<!DOCTYPE x [<!ATTLIST S:Body Id ID #IMPLIED>]>${open}${close}`,
  () => `<?xml version="1.0"?><!DOCTYPE x>${open}${close}`,
  () => `<?xml version="1.1"?>${open}&#1;${close}`,
  () => `<?xml version="1.0" encoding="UTF-7"?>${open}${close}`,
  () => `<?xml version="1.0" encoding="utf-16"?>${open}${close}`,
  () => `<?xml-stylesheet href="http://127.0.0.1:1/"?>${open}${close}`,
];

const nestings: readonly Make[] = [
  (random) => nested(random, '<a>', '</a>'),
  (random) => open + '<a>'.repeat(random.between(60, 200_000)),
  (random) => nested(random, '<a xmlns="urn:a">', '</a>'),
  (random) => nested(random, '<S:Body>', '</S:Body>'),
  (random) => `${open}${'</S:Body>'.repeat(random.between(2, 1000))}`,
  (random) => `<S:Envelope xmlns:S="${soap12}">${'<S:Header>'.repeat(random.between(50, 1000))}`,
];

function nested(random: Random, start: string, end: string): string {
  const depth = random.between(50, 20_000);
  return `${open}${start.repeat(depth)}${end.repeat(depth)}${close}`;
}

const giants: readonly Make[] = [
  (random) => `${open}${'<a/>'.repeat(random.between(8000, 200_000))}${close}`,
  (random) => `${open}<a>${'A'.repeat(random.between(500_000, 1_040_000))}</a>${close}`,
  (random) => `${open}<a ${attributes(random.between(60, 20_000))}/>${close}`,
  (random) => `${open}<a b="${'A'.repeat(random.between(500_000, 1_040_000))}"/>${close}`,
  (random) => `${open}<${'a'.repeat(random.between(1000, 500_000))}/>${close}`,
  (random) => `${open}${scopes(random.between(10, 70))}${close}`,
  (random) => `${open}${'&#x41;'.repeat(random.between(1000, 150_000))}${close}`,
  (random) => `${open}${'<![CDATA[x]]>'.repeat(random.between(1000, 70_000))}${close}`,
  (random) => `${open}${'<!-- -->'.repeat(random.between(1000, 100_000))}${close}`,
  (random) => `${' '.repeat(random.between(1000, 1_000_000))}${open}${close}`,
  (random) => `<?xml version="1.0"${' '.repeat(random.between(1000, 1_000_000))}${open}${close}`,
  (random) =>
    `<S:Envelope xmlns:S="${soap12}"><S:Header>${'<b/>'.repeat(random.between(1000, 8000))}</S:Header><S:Body/></S:Envelope>`,
];

function attributes(count: number): string {
  return Array.from({ length: count }, (_, index) => `a${index}="1"`).join(' ');
}

/** Many bindings in scope, deep down a name that has to be looked up among them. */
function scopes(depth: number): string {
  let text = '';
  for (let level = 0; level < depth; level += 1) {
    const bound = Array.from({ length: 60 }, (_, index) => `xmlns:p${level}_${index}="urn:x"`);
    text += `<a ${bound.join(' ')}>`;
  }
  return `${text}${'<p0_0:b/>'.repeat(4000)}${'</a>'.repeat(depth)}`;
}

const oddities: readonly Make[] = [
  () =>
    `${open}<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>${close}`,
  () => '',
  () => ' ',
  () => '<',
  () => '<a',
  () => '<a>',
  () => '<a></b>',
  () => '<a/><b/>',
  () => '<a b=1/>',
  () => '<a b="1" b="2"/>',
  () => '<p:a/>',
  () => '<a xmlns:p="urn:x" xmlns:q="urn:x" p:b="1" q:b="2"/>',
  () => '<a xmlns:xml="urn:x"/>',
  () => '<a xmlns:xmlns="urn:x"/>',
  () => '<a>\u0000</a>',
  () => '<a>\ud800</a>',
  () => '\ufeff\ufeff<a/>',
  () => '{"json": true}',
  () => `<S:Envelope xmlns:S="urn:none"><S:Body/></S:Envelope>`,
  () => `<S:Envelope xmlns:S="${soap12}"/>`,
  () => `<S:Envelope xmlns:S="${soap12}"><S:Body/><S:Body/></S:Envelope>`,
  () => `<S:Envelope xmlns:S="${soap12}"><S:Body/><S:Header/></S:Envelope>`,
  () => `${open}<a/><b/>${close}`,
  () => `${open}text${close}`,
  (random) => random.bytes(random.between(1, 2000)).toString('latin1'),
];

export const hostileXml = { declarations, nestings, giants, oddities } as const;
