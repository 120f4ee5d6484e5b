import { type Column, count, secondsText } from '../report.ts';
import type { PusherRow } from './row.ts';

export const pusherColumns: readonly Column<PusherRow>[] = [
  ['clients', ({ members }) => count(members)],
  ['published', ({ published }) => count(published)],
  ['received', ({ received }) => count(received)],
  ['lost', ({ lost }) => count(lost)],
  ['while away', ({ away }) => count(away)],
  ['duplicated', ({ duplicated }) => count(duplicated)],
  ['reordered', ({ reordered }) => count(reordered)],
  ['phantom', ({ phantom }) => count(phantom)],
  ['handshakes', ({ handshakes }) => count(handshakes)],
  ['most of one', ({ mostHandshakes }) => count(mostHandshakes)],
  ['silence', ({ longestSilenceMs }) => secondsText(longestSilenceMs)],
  ['recovery', ({ recoverMs }) => (recoverMs === null ? '–' : secondsText(recoverMs))],
];
