/**
 * A pure function of a text that remembers what it has returned for up to `max` texts, and then begins anew. What
 * is `undefined` is not remembered.
 */
export function remembered<Value>(
  max: number,
  of: (text: string) => Value,
): (text: string) => Value {
  const known = new Map<string, Value>();
  return (text) => {
    const found = known.get(text);
    if (found !== undefined) return found;
    // A part of a longer text would keep all of that in memory.
    const copy = Buffer.from(text).toString();
    const value = of(copy);
    if (value === undefined) return value;
    if (known.size >= max) known.clear();
    known.set(copy, value);
    return value;
  };
}
