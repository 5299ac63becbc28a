import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type ClusterKeys, faultText, type Result, verifySessionProof } from 'concordat/verify';
import { supplyChain } from './application.js';
import { keys } from './keys.js';
import { isMain } from './main-module.js';
import { type Entry, faultOf, type Package, readPackage } from './package-history.js';

/**
 * Checks a downloaded proof with nothing but the cluster's public file: that enough replicas attest this
 * history, that its hash chain holds, and that it is right on the supplier's signature. The error is for
 * people.
 */
export function verifyPackageProof(cluster: ClusterKeys, text: string): Result<Package, string> {
  const proof = readJson(text);
  if (proof === undefined) return failed('this is no proof as the page or a node gives it');
  const verified = verifySessionProof(cluster, proof);
  if (!verified.ok) return failed(faultText(verified.error));
  const fact = verified.value;
  if (
    fact.kind !== 'state' ||
    fact.application !== supplyChain.name ||
    !fact.key.startsWith(keys.package(''))
  ) {
    return failed('this is a proof of something else');
  }
  const item = readPackage(fact.value);
  const fault =
    fact.key === keys.package(item.package) ? faultOf(item) : 'it is of another package';
  return fault === undefined ? { ok: true, value: item } : failed(fault);
}

function failed(error: string): Result<never, string> {
  return { ok: false, error };
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
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
  const cluster: ClusterKeys = JSON.parse(await readFile(values.cluster, 'utf8'));
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
