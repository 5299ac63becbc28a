/** Bytes that no encoder of this version writes, or a value that no bytes can say. */
export class WireError extends Error {
  override readonly name = 'WireError';
}
