import { randomUUID } from 'node:crypto';

const NUMBER_DIGITS = 8;

/** Client ids of a run by number, of the form of a random UUID, so that a million of them need not be kept. */
export function credentials(): (client: number) => string {
  const rest = randomUUID().slice(NUMBER_DIGITS);
  return (client) => `${client.toString(16).padStart(NUMBER_DIGITS, '0')}${rest}`;
}
