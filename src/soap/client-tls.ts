/** What a client shows to servers that ask for it, and which servers it believes. PEM. */
export interface ClientTls {
  /** With those between it and its authority. */
  readonly certificate: string;
  readonly privateKey: string;
  /** Those that Node.js knows unless given. */
  readonly authorities?: readonly string[] | undefined;
}

/** A server's name is always checked against its certificate. */
export function tlsOptions({ certificate, privateKey, authorities }: ClientTls) {
  const own = { cert: certificate, key: privateKey };
  return authorities === undefined ? own : { ...own, ca: [...authorities] };
}
