declare const brand: unique symbol;

/**
 * A nominal type: a `Base` that only a named constructor may make. A brand of a brand is both; were the
 * name the property's type itself, that would be `never`.
 */
export type Brand<Base, Name extends string> = Base & {
  readonly [brand]: { readonly [Each in Name]: true };
};

/** Closes an exhaustive switch: does not compile while a case is missing. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
