/**
 * What everything of Concordat throws: `code` says what is wrong and `data` what it is about. Both are typed by
 * the class, so that a `switch` over the code of a `RequestError`, say, is exhaustive. Messages are for people
 * and may change; names, codes and data are part of the API. docs/errors.md lists all codes.
 *
 * `TypeError`, `RangeError` and a broken invariant are none of these: they are mistakes of a program.
 *
 * @example
 * ```ts
 * import { ConcordatError } from 'concordat';
 *
 * // For a log: the message is for people, code and data are for programs.
 * export function entryOf(error: unknown): object {
 *   if (!(error instanceof ConcordatError)) return { message: String(error) };
 *   const { name, code, data, message } = error;
 *   return { name, code, data, message };
 * }
 * ```
 */
export abstract class ConcordatError<
  Code extends string = string,
  Data extends object = object,
> extends Error {
  abstract readonly code: Code;
  abstract readonly data: Data;
}

/** The data of an error whose code says all. */
export type NoData = Readonly<Record<string, never>>;
export const noData: NoData = Object.freeze({});
