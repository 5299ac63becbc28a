import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { findingText } from '../../src/agreement/finding-text.js';
import type { Cluster } from '../../src/kernel/cluster.js';
import { WireError } from '../../src/kernel/codec/bytes.js';
import { loadCluster } from '../../src/kernel/config/cluster-file.js';
import { failed, ok, type Result } from '../../src/kernel/ids.js';
import { Keyring } from '../../src/kernel/keys.js';
import { verifyStateProof } from '../../src/session/check-proof.js';
import { stateProofFrom, stateProofSchema } from '../../src/session/http/proof-json.js';
import type { StateProof } from '../../src/session/types.js';
import { supplyChain } from './application.js';
import { keys } from './keys.js';
import { isMain } from './main-module.js';
import { type Entry, faultOf, type Package, readPackage } from './package-history.js';

/**
 * Checks a downloaded proof with nothing but the cluster's public file: that enough replicas attest this
 * history, that its hash chain holds, and that it is right on the supplier's signature. The error is for
 * people.
 */
export function verifyPackageProof(cluster: Cluster, text: string): Result<Package, string> {
  const proof = readProof(cluster, text);
  if (proof === undefined) return failed('this is no proof as the page or a node gives it');
  const verified = verifyStateProof(Keyring.of(cluster), proof);
  if (!verified.ok) return failed(findingText(verified.error));
  const { application, key, value } = proof;
  if (application !== supplyChain.name || !key.startsWith(keys.package(''))) {
    return failed('this is a proof of something else');
  }
  const item = readPackage(value);
  const fault = key === keys.package(item.package) ? faultOf(item) : 'it is of another package';
  return fault === undefined ? ok(item) : failed(fault);
}

function readProof(cluster: Cluster, text: string): StateProof | undefined {
  try {
    const parsed = stateProofSchema.safeParse(JSON.parse(text));
    return parsed.success ? stateProofFrom(cluster.id, parsed.data) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof WireError) return undefined;
    throw error;
  }
}

function line({ record, owner, session, sequence, hash }: Entry, index: number): string {
  const { do: kind, at = '', signature, publicKey, ...rest } = JSON.parse(record);
  const facts = Object.entries(rest).map(([name, value]) => `${name} ${value}`);
  const who = `${owner}, session ${session.slice(0, 8)}, operation ${sequence} ${at}`.trim();
  return `${index + 1}. ${kind}  ${facts.join(', ')}\n   by ${who}\n   ${hash}`;
}

/** node verify.js PROOF [--cluster cluster.json]; exit status 0 where the proof is valid, else 1. */
async function main(args: string[]): Promise<void> {
  const options = { cluster: { type: 'string', default: '.concordat/cluster.json' } } as const;
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  const [file] = positionals;
  if (file === undefined) throw new Error('name the proof: verify.js P-1.proof.json');
  const cluster = await loadCluster(values.cluster);
  const checked = verifyPackageProof(cluster, await readFile(file, 'utf8'));
  if (!checked.ok) {
    console.log(`INVALID: ${checked.error}`);
    process.exitCode = 1;
    return;
  }
  const { package: id, supplier, contents, history } = checked.value;
  console.log(`VALID: package ${id}, ${contents}, from ${supplier}`);
  console.log(history.map(line).join('\n'));
}

if (isMain(import.meta.url)) {
  main(process.argv.slice(2)).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 2;
  });
}
