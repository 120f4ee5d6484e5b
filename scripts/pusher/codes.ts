import type { Feature } from './features.ts';

/** A code of the door. `next`: what pusher-js does then. */
export interface DoorCode extends Omit<Feature, 'what' | 'does'> {
  readonly code: string;
  readonly when: string;
  readonly next: string;
}

const FOR_EVER = '`disconnected` for ever';
const AFTER_A_SECOND = 'again after 1 s';
const NOTHING = 'emits `error`, stays connected';

export const closeCodes: readonly DoorCode[] = [
  {
    code: '4001',
    when: 'no app has this key',
    next: FOR_EVER,
    tests: {
      'codes.test.ts': ['4001 for a key that no app has: pusher-js is disconnected for ever'],
      'page.test.ts': ['stops for ever with 4001 for an unknown key, and with 4009 for an origin that is not allowed'],
    },
  },
  {
    code: '4003',
    when: 'the app was removed from the keys file',
    next: FOR_EVER,
    tests: { 'codes.test.ts': ['4003 once it is removed: pusher-js is disconnected for ever, and others stay'] },
  },
  {
    code: '4005',
    when: 'another path under `/app/`',
    next: FOR_EVER,
    tests: { 'codes.test.ts': ['4005 for another path'] },
  },
  {
    code: '4006, 4007, 4008',
    when: '`protocol` is no number; is not 5 to 7; is missing',
    next: FOR_EVER,
    tests: { 'codes.test.ts': ['%i for %s: said in a frame and by the close code'] },
  },
  {
    code: '4009',
    when: 'a page of an origin that is not in `EDGE_ALLOWED_ORIGINS`; the connections of the user were terminated',
    next: FOR_EVER,
    tests: {
      'page.test.ts': ['stops for ever with 4001 for an unknown key, and with 4009 for an origin that is not allowed'],
      'users.test.ts': ['ends those that are signed in as this user, on both edges and for ever, and no other'],
    },
  },
  {
    code: '4100',
    when: 'no room for 8.5 s, in which the connection is held back without a frame',
    next: AFTER_A_SECOND,
    tests: {
      'codes.test.ts': [
        'holds connections back, and lets them in as soon as there is room: one handshake, never unavailable',
        '4100 when there is no room for 8.5 s: pusher-js tries again after a second, and gets in then',
      ],
    },
  },
  {
    code: '4100',
    when: 'no control-api has made any app known',
    next: AFTER_A_SECOND,
    tests: { 'codes.test.ts': ['4100 while no control-api has made any known: pusher-js gets in when one has'] },
  },
  {
    code: '4100',
    when: 'a binary frame, or one that is too large',
    next: AFTER_A_SECOND,
    tests: { 'codes.test.ts': ['4100 for a binary one and for one that is too large: the connection is closed'] },
  },
  {
    code: '4200',
    when: 'a drain, spread over `EDGE_DRAIN_SECONDS`; never before the connection is established',
    next: 'again at once',
    tests: { 'codes.test.ts': ['4200 after the connection is established: pusher-js is back on another edge at once'] },
  },
  {
    code: '1006',
    when: 'the edge died',
    next: AFTER_A_SECOND,
    tests: {
      'edge-death.test.ts': [
        'brings pusher-js back on another one after a second, and removes no member who came back',
      ],
    },
  },
];

/** As the data of `pusher:error`; never as a close code. */
export const errorCodes: readonly DoorCode[] = [
  {
    code: '4009',
    when: 'a sign-in with a wrong signature',
    next: NOTHING,
    tests: { 'users.test.ts': ['can be signed in with a signature only'] },
  },
  {
    code: '4200',
    when: 'a frame that cannot be read, an event that there is not',
    next: NOTHING,
    tests: { 'connection.test.ts': ['gets an error for %s, and goes on'] },
  },
  {
    code: '4301',
    when: 'a client event that is not allowed, one too many, or one that Redis did not take',
    next: NOTHING,
    tests: {
      'client-events.test.ts': [
        'is refused beyond ten a second with 4301, which pusher-js reports and nothing more',
        'is refused by an app that allows none',
      ],
    },
  },
  {
    code: '4302',
    when: 'more than 100 users in a watchlist',
    next: NOTHING,
    tests: { 'users.test.ts': ['takes the first hundred users, and reports 4302 for more, which closes nothing'] },
  },
];
