declare const brand: unique symbol;

/** A nominal type: a `Base` that only a named constructor may make. */
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };

/** Closes an exhaustive switch: does not compile while a case is missing. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
