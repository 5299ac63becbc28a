interface Cuttable {
  readonly faults: Readonly<Record<string, number | undefined>>;
  readonly twins?: readonly unknown[];
}

/** Smaller plans, one of these less in each: liars, twins, faults, and behaviours of a liar. */
export function cutEach<Liar, Plan extends Cuttable>(
  plan: Plan & { readonly liars: readonly Liar[] },
  lesserLiars: (liar: Liar) => readonly Liar[],
): Plan[] {
  const { faults, liars, twins = [] } = plan;
  const others = <Item>(items: readonly Item[], gone: Item) => items.filter((one) => one !== gone);
  return [
    ...liars.map((liar) => ({ ...plan, liars: others(liars, liar) })),
    ...twins.map((twin) => ({ ...plan, twins: others(twins, twin) })),
    ...Object.keys(faults).map((kind) => ({ ...plan, faults: without(faults, kind) })),
    ...liars.flatMap((liar) =>
      lesserLiars(liar).map((lesser) => ({
        ...plan,
        liars: liars.map((one) => (one === liar ? lesser : one)),
      })),
    ),
  ];
}

/** The liar without each of its behaviours in turn; one it keeps. */
export function fewerBehaviours<Liar extends { readonly behaviours: readonly string[] }>(
  liar: Liar,
): Liar[] {
  const { behaviours } = liar;
  if (behaviours.length < 2) return [];
  return behaviours.map((gone) => ({
    ...liar,
    behaviours: behaviours.filter((one) => one !== gone),
  }));
}

function without(faults: Cuttable['faults'], kind: string): Cuttable['faults'] {
  return Object.fromEntries(Object.entries(faults).filter(([each]) => each !== kind));
}
