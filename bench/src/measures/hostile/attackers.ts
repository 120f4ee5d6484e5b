import type { Attacker } from './attacker.ts';
import { clientToggles } from './client-toggles.ts';
import { documents, scrapes } from './documents.ts';
import { logPipeliners, logReaders } from './log-readers.ts';
import { unknownClients } from './unknown-clients.ts';

/** In the order of the table. */
export const attackers: readonly Attacker[] = [
  logReaders,
  logPipeliners,
  unknownClients,
  documents,
  scrapes,
  clientToggles,
];
