/** What things are called on the page. */

export const statusWords = {
  asked: 'asked',
  provisional: 'provisional',
  witnessed: 'witnessed',
  committed: 'final: committed',
  changed: 'final: changed',
  aborted: 'final: aborted',
  refused: 'not taken',
};

const titles = {
  'register-supplier': ({ supplier }) => `Register supplier ${supplier}`,
  'create-package': (step) => `Book in ${step.package} of ${step.supplier}`,
  'start-work': ({ station }) => `Start work at ${station}`,
  scan: (step) => `Scan ${step.package}`,
  'validate-signature': (step) => `Validate the signature of ${step.package}`,
  'quality-check': (step) => `Quality of ${step.package}: ${step.passed ? 'passed' : 'failed'}`,
  label: (step) => `Label ${step.package}: ${step.courier} ${step.label}`,
  release: (step) => `Release ${step.package}`,
  history: (step) => `Look up ${step.package}`,
};

/** Of an operation, `{ kind, payload }`. */
export function titleOf({ kind, payload }) {
  if (kind === 'end') return 'End of the session';
  const step = JSON.parse(payload);
  return titles[step.do]?.(step) ?? step.do;
}

/** What a result or an entry of a history says to an operator. */
export function factsOf(said) {
  const { contents, weightGrams, supplier, station, valid, passed, notes } = said;
  const { courier, label, publicKey, entry } = said;
  const facts = [];
  if (contents !== undefined) facts.push(`${contents}, ${weightGrams / 1000} kg, from ${supplier}`);
  if (publicKey !== undefined) facts.push(`whose key is ${publicKey.slice(0, 12)}…`);
  if (station !== undefined) facts.push(`at ${station}`);
  if (valid !== undefined) facts.push(valid ? 'signature valid' : 'signature NOT valid');
  if (passed !== undefined) facts.push(passed ? 'quality passed' : 'quality failed');
  if (notes) facts.push(`“${notes}”`);
  if (courier !== undefined) facts.push(`${courier} ${label}`);
  if (entry !== undefined) facts.push(`entry ${entry} of its history`);
  return facts.join(' · ');
}

export function duration(ms) {
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}
