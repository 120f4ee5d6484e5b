import { InvalidArgumentError } from 'commander';

/** Reads an option that is an integer within bounds. */
export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isInteger(value) || value < min || value > max) {
      throw new InvalidArgumentError(`It must be an integer from ${min} to ${max}.`);
    }
    return value;
  };
}

/** Reads the name under which a result is kept: a file's, and in no other folder. */
export function resultName(text: string): string {
  if (/^[\w.-]+$/.test(text) && !text.startsWith('.')) return text;
  throw new InvalidArgumentError('It must be a name of letters, digits, "-", "_" and ".".');
}
