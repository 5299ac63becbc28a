import type { Cluster } from '../../kernel/cluster.js';
import type { PlainService } from '../../kernel/config/plain-service.js';
import { AddressPolicy } from '../../soap/trust.js';

type Origins = Pick<PlainService, 'allowedOrigins' | 'isLoopbackOne' | 'signatures' | 'tls'>;

/** Plain software may be called where the cluster file or the node file says so, and nowhere else. */
export function addressesOf(
  { allowedOrigins }: Pick<Cluster, 'allowedOrigins'>,
  plain: Origins,
): AddressPolicy {
  const ofPeers = [...peersByOrigin(plain).keys()];
  const listed = [...allowedOrigins, ...plain.allowedOrigins].flatMap((origin) =>
    namesOf(origin, plain),
  );
  const nobody = { coordinators: [], initiators: [], participants: [], fronts: [] };
  const origins = [...listed, ...ofPeers].filter(mayCall(plain));
  return new AddressPolicy({ ...nobody, allowedOrigins: origins });
}

/** The peer of each origin, by whichever of its names. */
export function peersByOrigin(plain: Omit<Origins, 'tls'>): ReadonlyMap<string, string> {
  const peers = plain.signatures?.peers ?? [];
  return new Map(
    peers.flatMap(({ name, origins }) =>
      origins.flatMap((origin) => namesOf(origin, plain).map((each) => [each, name] as const)),
    ),
  );
}

/** Where the plain side has TLS, what has none is not called. */
function mayCall({ tls }: Pick<Origins, 'tls'>): (origin: string) => boolean {
  const needsTls = tls !== undefined && !tls.mayCallHttp;
  return (origin) => !needsTls || origin.startsWith('https:');
}

const loopbackNames = ['localhost', '127.0.0.1'];

function namesOf(origin: string, { isLoopbackOne }: Pick<Origins, 'isLoopbackOne'>): string[] {
  const url = new URL(origin);
  if (!isLoopbackOne || !loopbackNames.includes(url.hostname)) return [origin];
  return loopbackNames.map((name) => `${url.protocol}//${name}${url.port && `:${url.port}`}`);
}
