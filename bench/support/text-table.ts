import Table from 'cli-table3';

/** A table for people. The first columns are text; the others are numbers, to the right. */
export function textTable(
  head: string[],
  rows: readonly (string | number)[][],
  textColumns = 2,
): string {
  const colAligns = head.map((_, column) =>
    column < textColumns ? ('left' as const) : ('right' as const),
  );
  // No colours: the text goes into files, too.
  const printed = new Table({ head, colAligns, style: { head: [], border: [], compact: true } });
  printed.push(...rows);
  return `${printed.toString()}\n`;
}
