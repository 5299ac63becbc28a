/**
 * What things take in the model. Processor times are of one replica's one thread; bytes and messages cost
 * besides what the things in them cost.
 */
export interface Costs {
  /** A signature of a replica made, and verified for the first time. */
  readonly signUs: number;
  readonly verifyUs: number;
  /** One that this replica has verified before. */
  readonly knownSignatureUs: number;
  /** A client's signature of one request. Every replica verifies it once. */
  readonly clientVerifyUs: number;
  /** A message through the link's TLS and framing, the event loop and the codec, at each end. */
  readonly receiveUs: number;
  readonly sendUs: number;
  /** For each byte of it: at the receiver, and for each receiver at the sender. */
  readonly receiveNsPerByte: number;
  readonly sendNsPerByte: number;
  /** A request taken from its client, put into a batch, and answered; at one replica. */
  readonly takeRequestUs: number;
  /** A request in a batch that came: decoded, hashed, encoded for the disk. */
  readonly receiveRequestUs: number;
  /** A request in a decided batch: executed once, by a machine that does nothing. */
  readonly applyRequestUs: number;
  /** A record handed to the store, and a synced write of all that have gathered. */
  readonly persistUs: number;
  readonly syncUs: number;
  /** Each way, at each replica. */
  readonly bitsPerSecond: number;
}

/** Where each figure of `measuredCosts` comes from; the same names. */
export const costSources: Readonly<Record<keyof Costs, string>> = {
  signUs: 'Ed25519, node:crypto',
  verifyUs: 'Ed25519, node:crypto',
  knownSignatureUs: 'in a report: what its process signed, compared with what is known',
  clientVerifyUs: 'ECDSA P-256, node:crypto, as session clients sign',
  receiveUs: 'a prepare of 230 bytes: TLS on loopback, corked, frame, decode',
  sendUs: 'the same: encode, frame, TLS',
  receiveNsPerByte: 'TLS, copy, decode and SHA-256 of a proposal of 512 KiB',
  sendNsPerByte: 'TLS of a proposal of 512 KiB',
  takeRequestUs: 'waiting list, batch, encode and SHA-256; without its bytes',
  receiveRequestUs: 'decode, encode for SHA-256 and for the store; without its bytes',
  applyRequestUs: 'client table and waiting list',
  persistUs: 'one record of a batch of 16, classic-level, without the wait',
  syncUs: 'classic-level, batch of 16, synced',
  bitsPerSecond: 'set: an ordinary link of a data centre',
};

/** On one core of an AMD EPYC (Zen 4 class), Node 20, rounded; `npm run bench -- costs` measures them. */
export const measuredCosts: Costs = {
  signUs: 35,
  verifyUs: 104,
  knownSignatureUs: 0.5,
  clientVerifyUs: 64,
  receiveUs: 5,
  sendUs: 2.5,
  receiveNsPerByte: 5,
  sendNsPerByte: 4,
  takeRequestUs: 1,
  receiveRequestUs: 0.5,
  applyRequestUs: 0.7,
  persistUs: 8,
  syncUs: 200,
  bitsPerSecond: 1e9,
};

/** Nothing takes any time but the way from one replica to another: shows the message delays. */
export const noCosts: Costs = {
  signUs: 0,
  verifyUs: 0,
  knownSignatureUs: 0,
  clientVerifyUs: 0,
  receiveUs: 0,
  sendUs: 0,
  receiveNsPerByte: 0,
  sendNsPerByte: 0,
  takeRequestUs: 0,
  receiveRequestUs: 0,
  applyRequestUs: 0,
  persistUs: 0,
  syncUs: 0,
  bitsPerSecond: Number.POSITIVE_INFINITY,
};
