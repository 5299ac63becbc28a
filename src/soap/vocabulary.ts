import { names, type QName } from './xml.js';

export type SoapVersion = '1.1' | '1.2';

/** Namespace URIs of the standards that a message is made of, and of our own elements. */
export const namespaces = {
  soap11: 'http://schemas.xmlsoap.org/soap/envelope/',
  soap12: 'http://www.w3.org/2003/05/soap-envelope',
  wsa: 'http://www.w3.org/2005/08/addressing',
  wscoor: 'http://docs.oasis-open.org/ws-tx/wscoor/2006/06',
  wsat: 'http://docs.oasis-open.org/ws-tx/wsat/2006/06',
  wsse: 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd',
  wsu: 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd',
  ds: 'http://www.w3.org/2000/09/xmldsig#',
  excC14n: 'http://www.w3.org/2001/10/xml-exc-c14n#',
  concordat: 'urn:concordat:2026',
  bank: 'urn:concordat:bank',
  session: 'urn:concordat:session',
} as const;

/** Makes names of the SOAP version's namespace, with the prefix `S`. */
export const soap: Readonly<Record<SoapVersion, (name: string) => QName>> = {
  '1.1': names(namespaces.soap11, 'S'),
  '1.2': names(namespaces.soap12, 'S'),
};

export const wsa = names(namespaces.wsa, 'wsa');
export const wscoor = names(namespaces.wscoor, 'wscoor');
export const wsat = names(namespaces.wsat, 'wsat');
export const wsu = names(namespaces.wsu, 'wsu');
export const cc = names(namespaces.concordat, 'cc');
export const bank = names(namespaces.bank, 'b');
export const session = names(namespaces.session, 's');

/** Identifiers of the algorithms and token forms that are accepted. */
export const algorithms = {
  excC14n: namespaces.excC14n,
  sha256: 'http://www.w3.org/2001/04/xmlenc#sha256',
  ecdsaSha256: 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256',
  rsaSha256: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  x509v3: 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3',
  base64:
    'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary',
  // These of other stacks only.
  subjectKeyIdentifier:
    'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509SubjectKeyIdentifier',
  thumbprintSha1:
    'http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#ThumbprintSHA1',
  strTransform:
    'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#STR-Transform',
} as const;
