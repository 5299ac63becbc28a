import { type Reader, Writer } from '../../../kernel/codec/bytes.js';
import { readName, writeName } from '../../../kernel/codec/fields.js';
import { clientId } from '../../../kernel/ids.js';
import { readKey, readLongText, writeKey, writeLongText } from '../../run.js';
import { sessionLimits } from '../../types.js';
import { type Page, type Payments, payersMax, sizeOf } from './pages.js';
import type { StateEntry, StateTable } from './state-table.js';

/** The pages of a state. What was not written since the last time is not encoded again. */
export function encodePages(texts: StateTable): readonly Uint8Array[] {
  return texts.pages.all.map((page) => {
    page.encoded ??= encodePage(texts, page);
    return page.encoded;
  });
}

export function readPage(reader: Reader): { readonly key: string; readonly entry: StateEntry }[] {
  return Array.from({ length: reader.u32() }, () => {
    const key = readKey(reader);
    const value = readLongText(reader, sessionLimits.valueBytes);
    const paid: Payments = reader.list(payersMax, () => [readName(reader, clientId), reader.u64()]);
    return { key, entry: { value, paid, size: sizeOf(paid) } };
  });
}

function encodePage(texts: StateTable, { keys }: Page): Uint8Array {
  const writer = new Writer();
  writer.u32(keys.length);
  for (const key of keys) {
    const entry = texts.entry(key);
    writeKey(writer, key);
    writeLongText(writer, entry?.value ?? '', sessionLimits.valueBytes);
    writer.list(entry?.paid ?? [], payersMax, ([owner, bytes]) => {
      writeName(writer, owner, clientId);
      writer.u64(bytes);
    });
  }
  return writer.finish();
}
