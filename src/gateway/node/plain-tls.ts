import { hash, type X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { ConfigError } from '../../kernel/config/config-error.js';
import { isSameName } from '../../kernel/config/distinguished-name.js';
import type { PlainService, PlainTls } from '../../kernel/config/plain-service.js';
import { OccasionalLog } from '../../kernel/http/log-output.js';
import type { Logger } from '../../kernel/http/logger.js';
import type { ServerTls } from '../../kernel/http/tls.js';
import type { ClientTls } from '../../soap/client-tls.js';
import { isValidAt, lineOf, readAuthorities, readKeyPair } from './pem-files.js';

/** TLS of the plain side: towards those that call the gateway, and those that it calls. */
export interface PlainSideTls {
  readonly server: ServerTls;
  readonly client: ClientTls;
}

/** Reads and checks the files that the node's file names. Throws `ConfigError`. */
export async function loadPlainTls(
  { url, tls }: Pick<PlainService, 'url' | 'tls'>,
  log: Logger,
): Promise<PlainSideTls | undefined> {
  if (tls === undefined) return undefined;
  const own = await readKeyPair(tls.certificate, tls.privateKey);
  const privateKey = own.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  requireName(own.certificate, url, tls.certificate);
  const authorities = tls.authorities && (await readAuthorities(tls.authorities));
  return {
    server: {
      certificate: own.chain,
      privateKey,
      clients: tls.clients && (await clientsOf(tls.clients, log)),
    },
    client: {
      certificate: own.chain,
      privateKey,
      ...(authorities && { authorities: authorities.map(String) }),
    },
  };
}

/** Plain software checks the name: a certificate for another one keeps all of it out. */
function requireName(certificate: X509Certificate, url: string, file: string): void {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  const isFor = isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host);
  if (isFor !== undefined) return;
  throw new ConfigError(`${file}: is not for "${host}", the host in "plain.url"`);
}

async function clientsOf(
  clients: NonNullable<PlainTls['clients']>,
  log: Logger,
): Promise<ServerTls['clients']> {
  const { need, authorities: file, subjects, fingerprints = [] } = clients;
  const authorities = file === undefined ? [] : await readAuthorities(file);
  const occasionally = new OccasionalLog(log);
  const rules = { need, hasAuthorities: authorities.length > 0, subjects, fingerprints };
  return {
    authorities: authorities.map(String),
    refusal: (socket) => refusalOf(shownBy(socket), rules, Date.now()),
    onRefused: (why) => occasionally.write('info', 'tls-client-refused', { why }),
  };
}

/** What a client has shown in the handshake, in which it proved that it has the key. */
export interface Shown {
  readonly certificate: X509Certificate | undefined;
  /** Whether an authority of the configuration vouches for it. */
  readonly isVouchedFor: boolean;
}

export interface ClientRules {
  readonly need: 'required' | 'optional';
  readonly hasAuthorities: boolean;
  readonly subjects?: readonly string[] | undefined;
  readonly fingerprints: readonly string[];
}

function shownBy(socket: TLSSocket): Shown {
  return { certificate: socket.getPeerX509Certificate(), isVouchedFor: socket.authorized };
}

/** Why a client is refused, or `undefined`. What a client shows has to be right where it need show nothing, too. */
export function refusalOf(
  { certificate, isVouchedFor }: Shown,
  { need, hasAuthorities, subjects, fingerprints }: ClientRules,
  nowMs: number,
): string | undefined {
  if (certificate === undefined) return need === 'optional' ? undefined : 'no certificate';
  if (!isValidAt(certificate, nowMs)) return 'a certificate that is not valid now';
  if (fingerprints.includes(hash('sha256', certificate.raw, 'hex'))) return undefined;
  const subject = lineOf(certificate.subject);
  if (!hasAuthorities || !isVouchedFor) return `an unknown certificate: ${subject}`;
  if (subjects?.some((listed) => isSameName(listed, certificate.subject)) === false) {
    return `a subject that is not listed: ${subject}`;
  }
  return undefined;
}
