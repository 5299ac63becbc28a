import { hash } from 'node:crypto';
import type { Call } from 'concordat/application';
import { isSupplierSignature, type PackageStatement } from './supplier-signature.js';

/** What was done with a package, as it stands in its history. */
export type Deed =
  | {
      readonly do: 'create-package';
      readonly supplier: string;
      readonly contents: string;
      readonly weightGrams: number;
      readonly signature: string;
      /** The supplier's, as it was registered then. */
      readonly publicKey: string;
    }
  | { readonly do: 'scan'; readonly station: string }
  | { readonly do: 'validate-signature'; readonly valid: boolean }
  | { readonly do: 'quality-check'; readonly passed: boolean; readonly notes: string }
  | { readonly do: 'label'; readonly courier: string; readonly label: string }
  | { readonly do: 'release' };

/** One link of the chain. */
export interface Entry {
  /** The hash before; 64 zeros in the first. */
  readonly previous: string;
  /** A `Deed` as JSON, with `at` where the operator said it. This text is what is hashed. */
  readonly record: string;
  readonly owner: string;
  readonly session: string;
  readonly sequence: number;
  readonly hash: string;
}

/** A package: what its history comes to. */
export interface Package extends PackageStatement {
  readonly signature: string;
  readonly publicKey: string;
  /** Who works on it now. */
  readonly holder?: { readonly owner: string; readonly session: string; readonly station: string };
  /** What the last validation came to. */
  readonly signatureValid?: boolean;
  /** What the last quality check came to. */
  readonly passed?: boolean;
  readonly label?: { readonly owner: string; readonly courier: string; readonly label: string };
  readonly history: readonly Entry[];
}

export const noHash = '0'.repeat(64);

/** SHA-256 of the text that is written here, in lower-case hex. */
export function entryHash(packageId: string, entry: Omit<Entry, 'hash'>): string {
  const { previous, owner, session, sequence, record } = entry;
  return hash(
    'sha256',
    `concordat/1 supply-chain entry\n${packageId}\n${previous}\n${owner}\n${session}\n${sequence}\n${record}`,
    'hex',
  );
}

/** The history with one more entry. It says nothing of the position in the agreed order. */
export function append(
  packageId: string,
  history: readonly Entry[],
  deed: Deed,
  { owner, session, sequence, at }: Pick<Call, 'owner' | 'session' | 'sequence'> & { at?: string },
): readonly Entry[] {
  const record = JSON.stringify({ ...deed, ...(at !== undefined && { at }) });
  const previous = history.at(-1)?.hash ?? noHash;
  const entry = { previous, record, owner, session, sequence };
  return [...history, { ...entry, hash: entryHash(packageId, entry) }];
}

/** The value that stands under the package's key. */
export function encodeHistory(packageId: string, history: readonly Entry[]): string {
  return JSON.stringify({ package: packageId, history });
}

/** Reads such a value. Throws `Error` where it is none. Hashes are not checked here. */
export function readPackage(value: string): Package {
  const { package: id, history } = JSON.parse(value) as { package: string; history: Entry[] };
  return fold(id, history);
}

/** Says what is wrong with a package's hash chain or with what it says of the signature. */
export function faultOf(item: Package): string | undefined {
  let previous = noHash;
  for (const [index, entry] of item.history.entries()) {
    if (entry.previous !== previous) return `entry ${index + 1} does not name the one before it`;
    if (entryHash(item.package, entry) !== entry.hash) {
      return `entry ${index + 1} is not what its hash says`;
    }
    previous = entry.hash;
  }
  const valid = isSupplierSignature(item, item.publicKey, item.signature);
  if (item.signatureValid === undefined || item.signatureValid === valid) return undefined;
  return `the supplier's signature is ${valid ? 'valid' : 'not valid'}, and the history says otherwise`;
}

function fold(id: string, history: readonly Entry[]): Package {
  let item: Package | undefined;
  for (const entry of history) {
    const deed = JSON.parse(entry.record) as Deed;
    if (deed.do === 'create-package') {
      if (item !== undefined) throw new Error(`package ${id} was created twice`);
      const { supplier, contents, weightGrams, signature, publicKey } = deed;
      item = { package: id, supplier, contents, weightGrams, signature, publicKey, history };
    } else {
      if (item === undefined) throw new Error(`package ${id} was never created`);
      item = after(item, deed, entry);
    }
  }
  if (item === undefined) throw new Error(`package ${id} has no history`);
  return item;
}

function after(
  item: Package,
  deed: Exclude<Deed, { do: 'create-package' }>,
  { owner, session }: Entry,
): Package {
  const { holder, ...free } = item;
  switch (deed.do) {
    case 'scan':
      return { ...item, holder: { owner, session, station: deed.station } };
    case 'validate-signature':
      return { ...item, signatureValid: deed.valid };
    case 'quality-check':
      return { ...item, passed: deed.passed };
    case 'label':
      return { ...free, label: { owner, courier: deed.courier, label: deed.label } };
    case 'release':
      return free;
    default:
      throw new Error(`a package's history holds something else`);
  }
}
