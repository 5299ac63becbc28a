// One session over plain HTTP, with nothing but Node.js: node session.mjs COORDINATOR-URL CLIENT-FILE APPLICATION PAYLOAD...
import { createHash, createPrivateKey, randomBytes, sign, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

const [url, file, application, ...payloads] = process.argv.slice(2);
const { name: owner, certificate, privateKey } = JSON.parse(readFileSync(file, 'utf8'));
const { cluster } = await (await fetch(`${url}/sessions`)).json();

const lines = (...parts) => parts.join('\n');
const sha256 = (data) => createHash('sha256').update(data).digest('hex');

// The session: who, what for, and a nonce that begins with the time.
const der = new X509Certificate(certificate).raw;
const nonce = Buffer.concat([Buffer.alloc(8), randomBytes(8)]);
nonce.writeBigUInt64BE(BigInt(Date.now()));
const nonceHex = nonce.toString('hex');
const session = sha256(
  lines('concordat/1 session', cluster, application, owner, sha256(der), nonceHex),
);

// Each operation's head names it and all before it; the last one is signed.
const operations = [...payloads.map((payload) => ({ kind: 'call', payload })), { kind: 'end' }];
let head = session;
operations.forEach(({ kind, payload = '' }, index) => {
  head = sha256(lines('concordat/1 operation', head, index + 1, kind, sha256(payload)));
});
const text = lines('concordat/1 session operation', cluster, session, operations.length, head);
const key = { key: createPrivateKey(privateKey), dsaEncoding: 'ieee-p1363' };
const run = {
  header: { application, owner, certificate: der.toString('base64'), nonce: nonceHex },
  first: 1,
  before: session,
  operations,
  signature: sign('sha256', Buffer.from(text), key).toString('base64'),
};

const answer = await fetch(`${url}/sessions/operations`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ run, commit: true }),
});
console.log(answer.status, JSON.stringify(await answer.json(), null, 2));
console.log(`curl -N ${url}/sessions/${session}/events`);
