/** A value of a model. Sets are lists in an order without meaning. */
export type Value =
  | number
  | string
  | boolean
  | readonly Value[]
  | ReadonlyMap<Value, Value>
  | { readonly [field: string]: Value };

/** The states of a run, by the names of their variables. */
export type Trace = readonly { readonly [variable: string]: Value }[];

/** A trace in the Informal Trace Format (Apalache's ADR 15), as Quint writes it. */
export function decodeTrace(text: string): Trace {
  const { states }: { states: readonly Record<string, unknown>[] } = JSON.parse(text);
  return states.map((state) =>
    Object.fromEntries(
      Object.entries(state)
        .filter(([name]) => !name.startsWith('#'))
        // Variables of an instance have its name before theirs.
        .map(([name, value]) => [name.split('::').at(-1) ?? name, decode(value)]),
    ),
  );
}

function decode(value: unknown): Value {
  if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean') {
    return value;
  }
  if (Array.isArray(value)) return value.map(decode);
  if (typeof value !== 'object' || value === null) throw new Error(`not a value: ${value}`);
  const fields = Object.entries(value);
  const [[kind, content] = ['', undefined]] = fields;
  if (kind === '#bigint') return Number(content);
  if ((kind === '#set' || kind === '#tup') && Array.isArray(content)) return content.map(decode);
  if (kind === '#map' && Array.isArray(content)) {
    return new Map(content.map(([key, item]) => [decode(key), decode(item)]));
  }
  return Object.fromEntries(fields.map(([name, item]) => [name, decode(item)]));
}
