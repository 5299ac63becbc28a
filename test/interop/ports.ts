import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { localMembers } from '../../src/cli/local/members.js';
import type { Cluster } from '../../src/kernel/cluster.js';
import { projectRoot } from './programs.js';

/** A port whose WSDL a tool is asked to read. */
export interface ServedPort {
  /** Role and path: `bank/account`. A participant that is no bank has the role, too. */
  readonly name: string;
  readonly url: string;
}

/** Each port that has a WSDL, once for each role, at the first node that serves it. */
export async function servedPorts(cluster: Cluster): Promise<ServedPort[]> {
  const found = new Map<string, string>();
  for (const { role, url } of localMembers(cluster)) {
    for (const path of descriptions()) {
      const name = `${role === 'participant' ? 'bank' : role}/${path}`;
      if (!found.has(name) && (await isServed(`${url}/${path}`))) found.set(name, `${url}/${path}`);
    }
  }
  return [...found].map(([name, url]) => ({ name, url }));
}

/** Ports are named as their WSDL is. */
function descriptions(): string[] {
  return readdirSync(join(projectRoot, 'wsdl'))
    .filter((name) => name.endsWith('.wsdl'))
    .map((name) => name.slice(0, -'.wsdl'.length));
}

async function isServed(url: string): Promise<boolean> {
  const response = await fetch(`${url}?wsdl`, { method: 'HEAD' });
  return response.ok;
}

/** The forms in which a port serves its WSDL. */
export const wsdlForms = ['wsdl', 'singleWsdl'] as const;
