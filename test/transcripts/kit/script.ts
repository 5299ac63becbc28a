/**
 * What the words of a command do. A key is the command's pattern: `<word>` stands for one word, `<words...>` for
 * the rest of the line. So `'<banks...> register in <tx>'` takes two texts.
 */
export type Commands = Readonly<Record<string, (...words: string[]) => void>>;

/** The cluster that a script plays in. */
export interface Stage {
  readonly commands: Commands;
  /** What has happened since the last call, a line each. */
  takeLines(): string[];
}

/** Makes the stage of a script from its first command. */
export type OpenStage = (command: string) => Stage;

const quietly = 'quietly ';

/**
 * Plays a script: a command, a remark (`# …`) or nothing on each line that is not indented. Returns the script
 * with what each command led to in indented lines below it; what stood there before is left out.
 */
export function play(script: string, openStage: OpenStage): string {
  let stage: Stage | undefined;
  const lines = script.split('\n').flatMap((line) => {
    if (line.startsWith(' ')) return [];
    if (line === '' || line.startsWith('#')) return [line];
    if (!stage) {
      stage = openStage(line);
      return [line];
    }
    const isQuiet = line.startsWith(quietly);
    perform(stage.commands, isQuiet ? line.slice(quietly.length) : line);
    const led = stage.takeLines();
    return isQuiet ? [line] : [line, ...led.map((text) => `  ${text}`)];
  });
  return lines.join('\n');
}

function perform(commands: Commands, command: string): void {
  for (const [pattern, run] of Object.entries(commands)) {
    const words = match(pattern, command);
    if (words) return run(...words);
  }
  throw new SyntaxError(`no such command: ${command}`);
}

/** The command's words where the pattern has placeholders; `undefined` where it is another command. */
export function match(pattern: string, command: string): string[] | undefined {
  const source = pattern.replaceAll(/<\w+\.\.\.>/g, '(.+)').replaceAll(/<\w+>/g, '(\\S+)');
  return new RegExp(`^${source}$`).exec(command)?.slice(1);
}

/** `0 2` as numbers. */
export function numbers(words: string): number[] {
  return words.split(' ').map((word) => {
    const value = Number(word);
    if (!Number.isSafeInteger(value)) throw new SyntaxError(`not a number: ${word}`);
    return value;
  });
}

/** The word, if it is one of these. */
export function oneOf<Word extends string>(word: string, ...words: readonly Word[]): Word {
  const found = words.find((known) => known === word);
  if (found === undefined) throw new SyntaxError(`${word} is none of ${words.join(', ')}`);
  return found;
}
