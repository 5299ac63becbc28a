import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ConfigError, isMissing } from '../../kernel/config/config-error.js';

/** A certificate, with those between it and its authority, and its key. */
export interface KeyPair {
  readonly certificate: X509Certificate;
  /** PEM of the whole file. */
  readonly chain: string;
  readonly privateKey: KeyObject;
}

const pemForm = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;
/** Certificates that one file may hold. */
const certificatesMax = 256;

/** The certificates in a PEM file, one at the least. Throws `ConfigError`, which names the file. */
export async function readCertificates(file: string): Promise<readonly X509Certificate[]> {
  const found = (await readText(file)).match(pemForm) ?? [];
  if (found.length === 0) throw new ConfigError(`${file}: holds no certificate in PEM`);
  if (found.length > certificatesMax) {
    throw new ConfigError(`${file}: holds more than ${certificatesMax} certificates`);
  }
  try {
    return found.map((pem) => new X509Certificate(pem));
  } catch {
    throw new ConfigError(`${file}: holds a certificate that cannot be read; make the file anew`);
  }
}

/** The certificates of authorities in a PEM file. Throws as `readCertificates` does. */
export async function readAuthorities(file: string): Promise<readonly X509Certificate[]> {
  const certificates = await readCertificates(file);
  const end = certificates.find(({ ca }) => !ca);
  if (end !== undefined) {
    throw new ConfigError(`${file}: "${lineOf(end.subject)}" is no certificate of an authority`);
  }
  return certificates;
}

/** Throws `ConfigError` where the two files do not belong together, or the certificate is not valid now. */
export async function readKeyPair(certificateFile: string, keyFile: string): Promise<KeyPair> {
  const [certificate, ...between] = await readCertificates(certificateFile);
  if (certificate === undefined) throw new ConfigError(`${certificateFile}: holds no certificate`);
  const privateKey = await readKey(keyFile);
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new ConfigError(
      `${keyFile}: is not the key of the first certificate in ${certificateFile}`,
    );
  }
  if (!isValidAt(certificate, Date.now())) {
    const { validFrom, validTo } = certificate;
    throw new ConfigError(`${certificateFile}: is valid from ${validFrom} to ${validTo} only`);
  }
  const chain = [certificate, ...between].map(String).join('');
  return { certificate, chain, privateKey };
}

export function isValidAt({ validFrom, validTo }: X509Certificate, nowMs: number): boolean {
  return nowMs >= Date.parse(validFrom) && nowMs <= Date.parse(validTo);
}

async function readKey(file: string): Promise<KeyObject> {
  const text = await readText(file);
  try {
    return createPrivateKey(text);
  } catch {
    // OpenSSL's own message may quote the file.
    throw new ConfigError(`${file}: is no private key in PEM, or it is encrypted`);
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const what = isMissing(error) ? 'no such file' : String(error);
    throw new ConfigError(`${file}: ${what}`, { cause: error });
  }
}

/** A name as a line. */
export function lineOf(name: string): string {
  return name.split('\n').join(',');
}
