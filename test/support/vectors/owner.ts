import { X509Certificate } from 'node:crypto';
import { p256 } from '@noble/curves/nist.js';
import { sha256 } from '@noble/hashes/sha2.js';
import type { Cluster } from '../../../src/kernel/cluster.js';
import { clientId } from '../../../src/kernel/ids.js';
import type { Sign } from '../../../src/kernel/keys.js';
import { Owners } from '../../../src/session/owners.js';
import type { SessionHeader } from '../../../src/session/types.js';

/** An authority whose private key nobody has kept. */
const authorityDer = [
  'MIIB6jCCAZGgAwIBAgIUSCBq/8fpGN6jjrXGwrLl2IpuvEcwCgYIKoZIzj0EAwIwQjEQMA4GA1UECgwHdmVjdG9y',
  'czESMBAGA1UECwwJYXV0aG9yaXR5MRowGAYDVQQDDBF2ZWN0b3JzIGF1dGhvcml0eTAgFw0yNjExMjkxNzQzMDFa',
  'GA8yMTI2MTEwNTE3NDMwMVowQjEQMA4GA1UECgwHdmVjdG9yczESMBAGA1UECwwJYXV0aG9yaXR5MRowGAYDVQQD',
  'DBF2ZWN0b3JzIGF1dGhvcml0eTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABEzioyrkT+q9qTqJf1IZxY1ZDLbQ',
  'E3hSwQgEQ8JXKMNkAaOrtsfLkCI2AUkwSoG5bnwzZ9vHKLQuN1X+8g2QIGCjYzBhMB0GA1UdDgQWBBQt9RnbZzSk',
  'IjyHsAx8ED4hBfolRDAfBgNVHSMEGDAWgBQt9RnbZzSkIjyHsAx8ED4hBfolRDAPBgNVHRMBAf8EBTADAQH/MA4G',
  'A1UdDwEB/wQEAwICBDAKBggqhkjOPQQDAgNHADBEAiAukpGetErt/KQUpdCRsVrY0x2dPaS72sgQwqotK0A8pQIg',
  'dnGcdfdMWri51LqsnByjrH7DJZsdnfdnJ2eQsgrAdfo=',
].join('');

/** Of the owner `alice`, OU=client, issued by that authority. */
const certificateDer = [
  'MIIB2jCCAYGgAwIBAgIBATAKBggqhkjOPQQDAjBCMRAwDgYDVQQKDAd2ZWN0b3JzMRIwEAYDVQQLDAlhdXRob3Jp',
  'dHkxGjAYBgNVBAMMEXZlY3RvcnMgYXV0aG9yaXR5MCAXDTI2MTEyOTE3NDMwMVoYDzIxMjYxMTA1MTc0MzAxWjAz',
  'MRAwDgYDVQQKDAd2ZWN0b3JzMQ8wDQYDVQQLDAZjbGllbnQxDjAMBgNVBAMMBWFsaWNlMFkwEwYHKoZIzj0CAQYI',
  'KoZIzj0DAQcDQgAE4PtScW4n+v52N8MQGMZFX5siw1/BgNsNWIBW7zrOgDR4hnno/evDZjYd/PB3DMJBP6yNfias',
  'Y15jQvhTyMv0I6N1MHMwDAYDVR0TAQH/BAIwADAOBgNVHQ8BAf8EBAMCB4AwEwYDVR0lBAwwCgYIKwYBBQUHAwIw',
  'HQYDVR0OBBYEFG9criR4RBGoYBScuLgGhorOwzAdMB8GA1UdIwQYMBaAFC31GdtnNKQiPIewDHwQPiEF+iVEMAoG',
  'CCqGSM49BAMCA0cAMEQCICzQVn26ZA5zs0XiWTelAju9mtC2pIfM3F1S5VWb7JZlAiA0bv1y6u/AtFTHCzG5lmmU',
  'RzU5OrbHKrd/eBlBXuizOw==',
].join('');

const certificate = new Uint8Array(Buffer.from(certificateDer, 'base64'));

/** The order of the curve's group. */
export const groupOrder = p256.Point.Fn.ORDER;

/** The vectors' clients, by their certificates. */
export function vectorOwners(cluster: Cluster): Owners {
  const authority = new X509Certificate(Buffer.from(authorityDer, 'base64')).toString();
  return Owners.of({ ...cluster, authority });
}

export const vectorHeader: SessionHeader = {
  application: 'supply-chain',
  owner: clientId('alice'),
  certificate,
  nonce: new Uint8Array(Buffer.from('0000018bcfe56800a1b2c3d4e5f60718', 'hex')),
};

/** The certificate's key: an uncompressed point. */
export const vectorOwnerKey = p256.getPublicKey(privateKeyOf('alice'), false);

/** Signs as an owner does, and always with the same number for the same text (RFC 6979). */
export function ownerSign(name = 'alice'): Sign {
  return (text) => p256.sign(text, privateKeyOf(name), { lowS: false });
}

/** For vectors only. */
function privateKeyOf(name: string): Uint8Array {
  return sha256(new TextEncoder().encode(`vectors/${name}`));
}
