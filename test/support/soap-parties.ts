import { createPrivateKey, X509Certificate } from 'node:crypto';
import { issueAuthority, issueCertificate } from '../../src/kernel/config/x509.js';
import { ReplayCache } from '../../src/soap/replay-cache.js';
import { MessageSigner } from '../../src/soap/signing.js';
import type { Trust } from '../../src/soap/trust.js';
import { MessageVerifier } from '../../src/soap/verification.js';

const authority = issueAuthority('test');
const authorityCertificate = new X509Certificate(authority.certificate);
const clock = (): number => Date.now();

/** Trusts whoever the test authority issued a certificate to, as a client of that common name. */
const trust: Trust = (certificate) => {
  if (!certificate.verify(authorityCertificate.publicKey)) return undefined;
  return { role: 'client', name: certificate.subject.match(/CN=(.+)/)?.[1] ?? '' };
};

/** A signer with a certificate of the test authority. */
export function signerOf(name: string, issuer = authority): MessageSigner {
  const subject = { commonName: name, unit: 'client', organization: 'test' };
  const { certificate, privateKey } = issueCertificate(issuer, subject, []);
  return new MessageSigner({
    certificateDer: new X509Certificate(certificate).raw,
    privateKey: createPrivateKey(privateKey),
    clock,
  });
}

/** A verifier with a memory of its own that trusts the test authority. */
export function newVerifier(): MessageVerifier {
  return new MessageVerifier({ trust, clock, replays: new ReplayCache() });
}
