/**
 * An application for tests: texts under keys, each written once. `{"take": key, "text": ...}` is done for
 * who comes first; `{"read": key}` tells what is there; `{"count": key}` counts, and `{"log": text}` adds to
 * one list, so that what is done twice, or in another order, is seen.
 */
function perform(state, { payload }) {
  const { take, text, read, count, log } = JSON.parse(payload);
  if (take !== undefined) {
    const holder = state.get(take);
    if (holder !== undefined) return { kind: 'rejected', reason: `${take} is ${holder}` };
    state.set(take, text);
    return done(text);
  }
  if (count !== undefined) {
    const next = String(Number(state.get(count) ?? 0) + 1);
    state.set(count, next);
    return done(next);
  }
  if (log !== undefined) {
    const before = state.get('log');
    state.set('log', before === undefined ? log : `${before},${log}`);
    return done(log);
  }
  return done(state.get(read) ?? '');
}

const done = (result) => ({ kind: 'done', result });

export default {
  application: { name: 'notes', simulate: perform, apply: perform, interferes: () => true },
  pages: new URL('pages/', import.meta.url),
};
