import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Cluster } from '../../vocabulary/cluster.js';
import type { FrontNode } from '../config/node-file.js';
import { AllowedHosts } from './allowed-hosts.js';
import { createHttpServer } from './http-server.js';
import { OwnAddresses } from './own-addresses.js';

/** What a node's file says of its HTTP server. */
type ServingNode = Pick<
  FrontNode,
  'listen' | 'publicUrl' | 'allowedHosts' | 'trustedProxies' | 'limits'
>;

/** The HTTP server of a node, by what its file says. */
export function createNodeServer(
  cluster: Pick<Cluster, 'coordinators'>,
  self: { readonly url: string },
  node: ServingNode,
  log: Logger,
): FastifyInstance {
  const { listen, publicUrl, allowedHosts, trustedProxies, limits } = node;
  const origins = new Set(cluster.coordinators.map(({ url }) => new URL(url).origin));
  const names = { listen, url: self.url, publicUrl, allowedHosts };
  const hosts = new AllowedHosts({ ...names, origins });
  return createHttpServer({
    log,
    hosts,
    addresses: new OwnAddresses(names),
    trustedProxies,
    limits,
  });
}
