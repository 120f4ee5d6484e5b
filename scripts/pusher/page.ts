import { page, table } from '../markdown.ts';
import { type DoorCode, closeCodes, errorCodes } from './codes.ts';
import { type Feature, featureGroups } from './features.ts';

const FOLDER = '../../tests/pusher';

/** The features and codes of the Pusher door, each with the tests that show it. */
export function pusherPage(): string {
  return page(
    'The Pusher door: features and codes',
    '`scripts/pusher/features.ts` and `scripts/pusher/codes.ts`',
    'What of the Pusher Channels protocol 7 is there, and the tests of [tests/pusher](../../tests/pusher) that show it: ' +
      '`npm run pusher:check` runs them with pusher-js 8.6.0 (in Node and in Chromium), laravel-echo 2.5.0 and pusher 5.3.4 ' +
      'as they are published, on real services with subscribers on two edges. "Compatible" is said of what stands here, ' +
      'and of nothing else. How to point an application at it: [Coming from Pusher, Soketi or ' +
      'Reverb](../how-to/migrate-from-pusher.md).',
    "The signatures are checked against the examples of Pusher's documentation in " +
      '[signatures.test.ts](../../packages/pusher/src/signatures.test.ts) besides.',
    ...featureGroups.flatMap(({ title, features }) => [`## ${title}`, featureTable(features)]),
    '## Close codes',
    'Before `pusher:connection_established` the code is in a `pusher:error` as well. No handshake is refused in HTTP for ' +
      'what passes by itself: pusher-js waits 15 s, then 30 s and 60 s after that.',
    codeTable(closeCodes),
    '## Codes of `pusher:error`',
    'On a connection that stays.',
    codeTable(errorCodes),
    '## What is not there',
    'SockJS, HTTP streaming and polling; JSONP; protocols before 5; client events on encrypted channels, which pusher-js ' +
      'does not send; connections counted by app.',
  );
}

function featureTable(features: readonly Feature[]): string {
  return table(
    ['feature', 'what it does', 'shown by'],
    features.map(({ what, does, tests }) => [what, does, shownBy(tests)]),
  );
}

function codeTable(codes: readonly DoorCode[]): string {
  return table(
    ['code', 'when', 'pusher-js', 'shown by'],
    codes.map(({ code, when, next, tests }) => [code, when, next, shownBy(tests)]),
  );
}

function shownBy(tests: Feature['tests']): string {
  return Object.entries(tests)
    .map(([file, titles]) => `[${file}](${FOLDER}/${file}): ${titles.map((title) => `“${shown(title)}”`).join(', ')}`)
    .join('<br>');
}

/** A title of several tests has a place for what differs. */
function shown(title: string): string {
  return title
    .replaceAll(/%[sij]/g, '…')
    .replaceAll('{', '\\{')
    .replaceAll('#', '\\#');
}
