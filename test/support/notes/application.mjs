/**
 * An application for tests: texts under keys, each written once. `{"take": key, "text": ...}` is done for
 * who comes first; `{"read": key}` tells what is there; `{"count": key}` counts, so that what is done twice
 * is seen.
 */
function perform(state, { payload }) {
  const { take, text, read, count } = JSON.parse(payload);
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
  return done(state.get(read) ?? '');
}

const done = (result) => ({ kind: 'done', result });

export default {
  application: { name: 'notes', simulate: perform, apply: perform, interferes: () => true },
  pages: new URL('pages/', import.meta.url),
};
