import { InvalidArgumentError } from 'commander';
import { wholeNumberArgument } from '../../src/cli/arguments.js';

const listMax = 16;

/** A parser of whole numbers in a range, with commas between them. */
export function listArgument(min: number, max: number): (text: string) => number[] {
  const parse = wholeNumberArgument(min, max);
  return (text) => {
    const numbers = [...new Set(text.split(',').map((item) => parse(item.trim())))];
    if (numbers.length > listMax) throw new InvalidArgumentError(`At most ${listMax} of them.`);
    return numbers;
  };
}
