import { z } from 'zod';

/** In the environment of a process that is to be profiled: the path of the benchmark's Unix socket. */
export const socketVariable = 'CONCORDAT_BENCH_PROFILE';

const startSchema = z.object({ kind: z.literal('start') });
const stopSchema = z.object({ kind: z.literal('stop'), file: z.string() });
/** What the benchmark sends to a process, a line of JSON each. */
export const commandSchema = z.discriminatedUnion('kind', [startSchema, stopSchema]);
export type ProfileCommand = z.output<typeof commandSchema>;

const readySchema = z.object({ kind: z.literal('ready'), pid: z.number() });
const doneSchema = z.object({ kind: z.literal('done') });
/** What a process sends: once that it is there, then an answer to each command. */
export const answerSchema = z.discriminatedUnion('kind', [readySchema, doneSchema]);
export type ProfileAnswer = z.output<typeof answerSchema>;

export function lineOf(message: ProfileCommand | ProfileAnswer): string {
  return `${JSON.stringify(message)}\n`;
}
