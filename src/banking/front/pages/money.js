/** An amount as people write it, in the currency's minor unit. Throws `Error` that says what to write. */
export function minorUnits(text, currency) {
  const digits = fractionDigits(currency);
  const [, whole, fraction = ''] = /^(\d{1,16})(?:\.(\d+))?$/.exec(text.trim()) ?? [];
  if (whole === undefined || fraction.length > digits) {
    const sample = digits === 0 ? '12' : `12.${'5'.padEnd(digits, '0')}`;
    throw new Error(`An amount in ${currency} looks like ${sample}.`);
  }
  const minor = Number(whole + fraction.padEnd(digits, '0'));
  if (minor < 1 || !Number.isSafeInteger(minor)) {
    throw new Error('The amount is too small or too large.');
  }
  return minor;
}

/** How many digits the currency has after the point (ISO 4217). */
function fractionDigits(currency) {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  return format.resolvedOptions().maximumFractionDigits;
}
