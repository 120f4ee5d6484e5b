import { randomInt } from 'node:crypto';

/** Two servers that issue an id for the same millisecond issue the same one once in so many times. */
const SPREAD = 1_000_000;
/** Two incarnations under one name are taken for one once in so many times. Fits the small integers of V8. */
const INCARNATIONS = 2_000_000_000;

/** A random number for scripts, whose own generator gives the same numbers at each call: 0 to 999,999. */
export function randomStep(): number {
  return Math.floor(Math.random() * SPREAD);
}

/** Tells a topic or a registration from others of the same name, before and after: a number of up to ten digits, as text. */
export function newIncarnation(): string {
  return String(randomInt(1, INCARNATIONS));
}
