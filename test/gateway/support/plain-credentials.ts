import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Credential,
  issueAuthority,
  issueCertificate,
} from '../../../src/kernel/config/x509.js';

/** An authority of plain software, and what it issues. */
export class PlainAuthority {
  readonly #authority: Credential;

  constructor(name: string) {
    this.#authority = issueAuthority(name);
  }

  get certificate(): string {
    return this.#authority.certificate;
  }

  /** `now`: when it is issued; it is good for 825 days. */
  issue(commonName: string, hosts: readonly string[] = ['127.0.0.1'], now?: Date): Credential {
    const subject = { commonName, unit: 'plain', organization: 'Plain, Inc.' };
    return issueCertificate(this.#authority, subject, hosts, now);
  }
}

/** Writes both PEM files, and gives their paths. */
export async function writeCredential(
  directory: string,
  name: string,
  { certificate, privateKey }: Credential,
): Promise<{ certificate: string; privateKey: string }> {
  const files = {
    certificate: join(directory, `${name}.pem`),
    privateKey: join(directory, `${name}-key.pem`),
  };
  await writeFile(files.certificate, certificate);
  await writeFile(files.privateKey, privateKey);
  return files;
}
