/** Bytes, texts and keys, by what the browser brings along. */

const encoder = new TextEncoder();

export function utf8(text) {
  return encoder.encode(text);
}

export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}

export function fromBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** SHA-256 of bytes, or of a text's UTF-8 bytes, in lower-case hex. */
export async function sha256(data) {
  const bytes = typeof data === 'string' ? utf8(data) : data;
  return hex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}

/**
 * Who works here: from the text of a client's file, as `concordat add-client` writes it. The key
 * cannot be taken out of what this gives, and nothing sends it anywhere.
 */
export async function readIdentity(text) {
  let file;
  try {
    file = JSON.parse(text);
  } catch {
    throw new Error('This is no key file: it is not JSON.');
  }
  const { role, name, certificate, privateKey } = file ?? {};
  if (role !== 'client') throw new Error('This is not the file of a client (role "client").');
  if (![name, certificate, privateKey].every((field) => typeof field === 'string')) {
    throw new Error('This file lacks a name, a certificate or a private key.');
  }
  const der = pemBytes(certificate, 'CERTIFICATE');
  if (der === undefined) throw new Error('The certificate in this file cannot be read.');
  return {
    owner: name,
    certificate: base64(der),
    certificateSha256: await sha256(der),
    key: await importKey(privateKey),
  };
}

/** ECDSA P-256 with SHA-256 over a text; base64 of the 64 bytes. */
export async function sign(key, text) {
  const algorithm = { name: 'ECDSA', hash: 'SHA-256' };
  return base64(new Uint8Array(await crypto.subtle.sign(algorithm, key, utf8(text))));
}

async function importKey(pem) {
  const sec1 = pemBytes(pem, 'EC PRIVATE KEY');
  const pkcs8 = sec1 === undefined ? pemBytes(pem, 'PRIVATE KEY') : pkcs8Of(sec1);
  try {
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
    return await crypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']);
  } catch {
    throw new Error('The private key in this file is not an EC key on the curve P-256.');
  }
}

function pemBytes(pem, label) {
  const found = new RegExp(`-----BEGIN ${label}-----([^-]+)-----END ${label}-----`).exec(pem);
  try {
    return found === null ? undefined : fromBase64(found[1].replace(/\s+/g, ''));
  } catch {
    return undefined;
  }
}

/** Wraps a SEC 1 private key (RFC 5915) into PKCS #8 (RFC 5958): algorithm id-ecPublicKey, prime256v1. */
function pkcs8Of(sec1) {
  const version = [0x02, 0x01, 0x00];
  const ecPublicKey = [0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
  const prime256v1 = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
  const algorithm = der(0x30, [...ecPublicKey, ...prime256v1]);
  return new Uint8Array(der(0x30, [...version, ...algorithm, ...der(0x04, [...sec1])]));
}

function der(tag, content) {
  const { length } = content;
  if (length < 0x80) return [tag, length, ...content];
  if (length < 0x100) return [tag, 0x81, length, ...content];
  return [tag, 0x82, length >> 8, length & 0xff, ...content];
}
