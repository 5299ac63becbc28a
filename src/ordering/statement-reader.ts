import type { Reader } from '../kernel/codec/bytes.js';
import type { Signed } from '../kernel/signed.js';
import type { OrderingStatement, SharedCertificate } from './types.js';

export type StatementOf<Kind extends OrderingStatement['kind']> = Extract<
  OrderingStatement,
  { readonly kind: Kind }
>;

/** Reads statements inside of a statement, or of a record. */
export interface StatementReader {
  readonly reader: Reader;
  signed<Kind extends OrderingStatement['kind']>(kind: Kind): Signed<StatementOf<Kind>>;
  shared<Kind extends OrderingStatement['kind']>(kind: Kind): SharedCertificate<StatementOf<Kind>>;
}
