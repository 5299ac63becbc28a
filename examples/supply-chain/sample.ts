import { createPrivateKey, createPublicKey, hash, type KeyObject, sign } from 'node:crypto';
import { isMain } from './main-module.js';
import type { Step } from './steps.js';
import { packageText } from './supplier-signature.js';

/** Sample data for tests, the demo and measurements; as a program, a delivery note for the page. */

export interface SampleSupplier {
  readonly name: string;
  /** Raw Ed25519, in hex. */
  readonly publicKey: string;
  readonly privateKey: KeyObject;
}

/** A supplier whose key is made from its name, so that it is the same everywhere. Keeps no secret. */
export function sampleSupplier(name = 'acme'): SampleSupplier {
  const seed = hash('sha256', `sample supplier ${name}`, 'buffer');
  const header = Buffer.from('302e020100300506032b657004220420', 'hex');
  const key = Buffer.concat([header, seed]);
  const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  return { name, publicKey: Buffer.from(x, 'base64url').toString('hex'), privateKey };
}

export function registration({ name, publicKey }: SampleSupplier): Step {
  return { do: 'register-supplier', supplier: name, publicKey };
}

/** The step that books in a package with the supplier's signature. */
export function signedPackage(
  supplier: SampleSupplier,
  id: string,
  { contents = '12 cordless drills', weightGrams = 14_500 } = {},
): Extract<Step, { do: 'create-package' }> {
  const statement = { package: id, supplier: supplier.name, contents, weightGrams };
  const signature = sign(null, Buffer.from(packageText(statement)), supplier.privateKey);
  return { do: 'create-package', ...statement, signature: signature.toString('hex') };
}

/** The six operations of one package's way through the warehouse. */
export function workflow(
  supplier: SampleSupplier,
  id: string,
  { courier = 'dhl', label = id, station = 'dock-1' } = {},
): Step[] {
  return [
    signedPackage(supplier, id),
    { do: 'start-work', station },
    { do: 'scan', package: id },
    { do: 'validate-signature', package: id },
    { do: 'quality-check', package: id, passed: true, notes: 'as ordered' },
    { do: 'label', package: id, courier, label },
  ];
}

/** What a supplier sends along with its goods, as the page reads it. */
export interface DeliveryNote {
  readonly supplier: string;
  readonly publicKey: string;
  readonly packages: readonly {
    readonly package: string;
    readonly contents: string;
    readonly weightGrams: number;
    readonly signature: string;
  }[];
}

const goods = [
  { contents: '12 cordless drills', weightGrams: 14_500 },
  { contents: '200 hinges, brass', weightGrams: 9_200 },
  { contents: '4 bench vices', weightGrams: 22_000 },
  { contents: '40 saw blades', weightGrams: 6_300 },
];

export function deliveryNote(supplier: SampleSupplier, ids: readonly string[]): DeliveryNote {
  const packages = ids.map((id, index) => {
    const signed = signedPackage(supplier, id, goods[index % goods.length]);
    const { do: _, supplier: __, ...rest } = signed;
    return rest;
  });
  return { supplier: supplier.name, publicKey: supplier.publicKey, packages };
}

/** node sample.js [SUPPLIER [PACKAGE...]] */
function main([name = 'acme', ...ids]: readonly string[]): void {
  const wanted = ids.length > 0 ? ids : ['P-1', 'P-2', 'P-3'];
  console.log(JSON.stringify(deliveryNote(sampleSupplier(name), wanted), null, 2));
}

if (isMain(import.meta.url)) main(process.argv.slice(2));
