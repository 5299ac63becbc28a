/**
 * The versions of the protocol on links that this program speaks, the best first. Peers agree on one by TLS's ALPN
 * (RFC 7301), and whatever is sent on a link (frames, channels, the messages in them) changes only with its number.
 */
export const linkProtocols = ['concordat-link/3'] as const;

const protocolForm = /^concordat-link\/\d{1,5}$/;
/** A stranger's list may be long. */
const namedProtocolsMax = 4;
const remedy = 'run versions of Concordat that share one (docs/compatibility.md names them)';

/** The best version that is among those that a peer offers. */
export function chosenProtocol(offered: readonly string[]): string | undefined {
  return linkProtocols.find((own) => offered.includes(own));
}

/** For the log: no version is common, this is what the peer offers, and what to do. */
export function versionRefusal(offered: readonly string[]): string {
  const known = offered.filter((name) => protocolForm.test(name)).slice(0, namedProtocolsMax);
  const theirs = known.length === 0 ? 'no version of the links' : known.join(', ');
  return `it names ${theirs}, this coordinator speaks ${linkProtocols.join(', ')}: ${remedy}`;
}

/** For the log: the peer at the other end of a connection speaks no version that was offered to it. */
export function versionRefused(): string {
  return `it speaks none of ${linkProtocols.join(', ')}: ${remedy}`;
}
