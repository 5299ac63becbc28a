import { NamespaceNetwork } from './namespaces.js';
import type { Network, NetworkKind } from './network.js';
import { ProxyNetwork } from './proxy.js';

/** Opens a network of this kind; without one, of namespaces where the machine lets us, else proxies. */
export async function openNetwork(nodes: readonly string[], kind?: NetworkKind): Promise<Network> {
  if (kind === 'proxy') return ProxyNetwork.open(nodes);
  const network = await NamespaceNetwork.open(nodes);
  if (network !== undefined) return network;
  if (kind === undefined) return ProxyNetwork.open(nodes);
  throw new Error('network namespaces take root, ip, iptables and tc; use --network proxy');
}
