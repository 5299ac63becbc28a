import { createPrivateKey, createPublicKey, verify, X509Certificate } from 'node:crypto';
import { expect, it } from 'vitest';
import { credentialOf } from '../../support/session-owner.js';

/** The page's own modules, as the browser runs them. */
const { readIdentity, sign } = await import(
  new URL('../../../examples/supply-chain/pages/bytes.js', import.meta.url).href
);

const { certificate, privateKey } = credentialOf('alice', 'client');
const file = { role: 'client', name: 'alice', certificate, privateKey };

it.each([
  ['PKCS #8', privateKey],
  ['SEC 1', createPrivateKey(privateKey).export({ type: 'sec1', format: 'pem' }).toString()],
])("signs with an operator's key in %s, which cannot be taken out again", async (_, pem) => {
  const identity = await readIdentity(JSON.stringify({ ...file, privateKey: pem }));
  expect(identity).toMatchObject({
    owner: 'alice',
    certificate: new X509Certificate(certificate).raw.toString('base64'),
    key: { extractable: false },
  });
  const signature = Buffer.from(await sign(identity.key, 'text'), 'base64');
  const key = createPublicKey(certificate);
  const isValid = verify(
    'sha256',
    Buffer.from('text'),
    { key, dsaEncoding: 'ieee-p1363' },
    signature,
  );
  expect(isValid).toBe(true);
});

it.each([
  ['no JSON', 'key', /not JSON/],
  ['null', 'null', /not the file of a client/],
  ["a node's file", JSON.stringify({ ...file, role: 'coordinator' }), /not the file of a client/],
  ['a file without a key', JSON.stringify({ ...file, privateKey: undefined }), /lacks/],
  ['another certificate', JSON.stringify({ ...file, certificate: 'x' }), /certificate/],
  ['another key', JSON.stringify({ ...file, privateKey: certificate }), /not an EC key/],
])('refuses %s', async (_, text, error) => {
  await expect(readIdentity(text)).rejects.toThrow(error);
});
