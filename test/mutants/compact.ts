import type { Mutant } from './mutant.js';

const codec = ['test/soap/compact/message-codec.test.ts'];
const links = ['test/soap/compact/links.test.ts'];

/** The compact binding between members. */
export const compactMutants: readonly Mutant[] = [
  {
    name: 'link-of-a-client',
    rule: 'a link is for members: what clients send is signed',
    file: 'src/soap/compact/member-server.ts',
    find: "  return principal?.role === 'client' ? undefined : principal;",
    replace: '  return principal;',
    tests: links,
  },
  {
    name: 'link-judged-once',
    rule: "a certificate that another takes the place of is nobody's, on links that are open too",
    file: 'src/soap/compact/member-server.ts',
    find: '        if (memberOf(holder) === undefined) return this.#refuse(socket);',
    replace: '',
    tests: links,
  },
  {
    name: 'link-to-another',
    rule: 'a message goes to the member that it is for',
    file: 'src/soap/compact/member-links.ts',
    find: 'sha256(certificate.raw) !== member.certificateSha256',
    replace: 'false',
    tests: links,
  },
  {
    name: 'link-answers-a-server',
    rule: 'a frame that has no place on a link closes it',
    file: 'src/soap/compact/member-server.ts',
    find: "if (frame.kind === 'answer') throw new Error('an answer to a server');",
    replace: "if (frame.kind === 'answer') return;",
    tests: links,
  },
  {
    name: 'link-without-bound',
    rule: 'a member has so many requests under way on a link, and no more',
    file: 'src/soap/compact/member-server.ts',
    find: 'if (requests > linkRequestsMax || this.#isClosing) {',
    replace: 'if (this.#isClosing) {',
    tests: links,
  },
  {
    name: 'links-without-bound',
    rule: 'a member has four links to a node at the most',
    file: 'src/soap/compact/member-server.ts',
    find: 'if (links.length > linksPerMemberMax) oldest?.destroy();',
    replace: 'oldest?.resume();',
    tests: links,
  },
  {
    name: 'link-broken-unnoticed',
    rule: 'what is under way on a link that breaks fails at once',
    file: 'src/soap/compact/member-links.ts',
    find: "this.#fail(number, new SoapTransportError('refused', member.url, 'the link broke'));",
    replace: 'this.#pending.has(number);',
    tests: links,
  },
  {
    name: 'compact-control-characters',
    rule: 'a link brings only characters that XML has',
    file: 'src/soap/compact/message-codec.ts',
    find: "if (noXmlText.test(text)) throw new WireError('a character that XML does not have');",
    replace: '',
    tests: codec,
  },
  {
    name: 'compact-names',
    rule: 'a link brings only names that XML has',
    file: 'src/soap/compact/message-codec.ts',
    find: "if (noName.test(localName) || (prefix !== '' && noName.test(prefix))) {",
    replace: 'if (localName.length > 100_000) {',
    tests: codec,
  },
  {
    name: 'compact-depth',
    rule: 'elements on a link nest no deeper than in XML',
    file: 'src/soap/compact/message-codec.ts',
    find: "if (depth > defaultXmlLimits.depth) throw new WireError('elements nested too deep');",
    replace: '',
    tests: codec,
  },
  {
    name: 'compact-elements',
    rule: 'a message on a link has no more elements than XML may have',
    file: 'src/soap/compact/message-codec.ts',
    find: "if (this.#elements > defaultXmlLimits.elements) throw new WireError('too many elements');",
    replace: '',
    tests: codec,
  },
  {
    name: 'compact-scope',
    rule: 'names in content mean on a link what they mean in XML',
    file: 'src/soap/compact/message-codec.ts',
    find: 'return lookUp(scope, prefix) === uri ? scope : { prefix, uri, outer: scope };',
    replace: 'return scope;',
    tests: codec,
  },
];
