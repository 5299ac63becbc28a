import { remembered } from '../remembered.js';

/** Addresses that are remembered, and their length. */
const urlsMax = 512;
const urlLengthMax = 2048;

const shortUrlOf = remembered(urlsMax, read);

/** The address, read. `undefined` where it is none. Nobody may change what is returned. */
export function urlOf(address: string): Readonly<URL> | undefined {
  return address.length > urlLengthMax ? read(address) : shortUrlOf(address);
}

function read(address: string): Readonly<URL> | undefined {
  return URL.canParse(address) ? new URL(address) : undefined;
}
