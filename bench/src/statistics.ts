/** The middle of the numbers, between the two middle ones when their count is even; null of none. */
export function median(numbers: readonly number[]): number | null {
  if (numbers.length === 0) return null;
  const ordered = numbers.toSorted((a, b) => a - b);
  const middle = ordered.length / 2;
  const upper = ordered[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? ((ordered[middle - 1] ?? Number.NaN) + upper) / 2 : upper;
}

export interface Summary {
  median: number;
  least: number;
  most: number;
  rounds: number[];
}

/** What the rounds gave; null when none gave a number. */
export function summarize(rounds: readonly (number | null)[]): Summary | null {
  const numbers = rounds.filter((number) => number !== null);
  const middle = median(numbers);
  if (middle === null) return null;
  return { median: middle, least: Math.min(...numbers), most: Math.max(...numbers), rounds: numbers };
}
