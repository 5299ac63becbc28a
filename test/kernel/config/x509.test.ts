import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { issueAuthority, issueCertificate } from '../../../src/kernel/config/x509.js';

const subject = { commonName: 'node', unit: 'client', organization: 'demo' };

describe('issueCertificate', () => {
  it.each(['::1', 'fe80::1:2', '2001:db8::', '1:2:3:4:5:6:7:8', '::ffff:10.0.0.1'])(
    'writes the IPv6 address %s',
    (host) => {
      const { certificate } = issueCertificate(issueAuthority('demo'), subject, [
        host,
        'node.example',
      ]);
      const read = new X509Certificate(certificate);
      expect(read.checkIP(host)).toBe(host);
      expect(read.checkHost('node.example')).toBe('node.example');
    },
  );

  it('writes dates on both sides of 2050', () => {
    const now = new Date('2049-06-01T00:00:00Z');
    const { certificate } = issueCertificate(issueAuthority('demo', now), subject, [], now);
    const { validFrom, validTo } = new X509Certificate(certificate);
    expect(new Date(validFrom).toISOString()).toBe('2049-05-31T23:00:00.000Z');
    expect(new Date(validTo).toISOString()).toBe('2051-09-04T00:00:00.000Z');
  });

  it('makes serial numbers that DER writes in eight bytes', () => {
    const authority = issueAuthority('demo');
    for (let round = 0; round < 20; round += 1) {
      const { certificate } = issueCertificate(authority, subject, []);
      expect(new X509Certificate(certificate).serialNumber).toMatch(/^[4-7][0-9A-F]{15}$/);
    }
  });
});
