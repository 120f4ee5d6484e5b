import { randomInt } from 'node:crypto';

/**
 * Two servers that issue an id for the same millisecond issue the same one once in so many times. All have six digits,
 * so that the ids of a topic are of one length.
 */
const SPREAD = 900_000;
const LEAST = 100_000;
/** Two incarnations under one name are taken for one once in so many times. Fits the small integers of V8. */
const INCARNATIONS = 2_000_000_000;

/** A random number for scripts, whose own generator gives the same numbers at each call: 100,000 to 999,999. */
export function randomStep(): number {
  return LEAST + Math.floor(Math.random() * SPREAD);
}

/** Tells a topic or a registration from others of the same name, before and after: a number of up to ten digits, as text. */
export function newIncarnation(): string {
  return String(randomInt(1, INCARNATIONS));
}
