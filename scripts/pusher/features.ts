/** One line of the table: what the protocol has, what an installation does, and the tests that show it. */
export interface Feature {
  readonly what: string;
  readonly does: string;
  /** By file of tests/pusher: the titles of tests, as they stand in it. */
  readonly tests: Readonly<Record<string, readonly string[]>>;
}

export interface FeatureGroup {
  readonly title: string;
  readonly features: readonly Feature[];
}

const connecting: FeatureGroup = {
  title: 'Connections',
  features: [
    {
      what: '`GET /app/{key}` with `protocol` 5, 6 or 7',
      does: 'opened; parameters that it does not know are ignored',
      tests: {
        'connection.test.ts': ['is opened with ?%s', 'is asked for with a WebSocket handshake: a plain GET is refused'],
      },
    },
    {
      what: '`pusher:connection_established`',
      does: '`activity_timeout` 120; `socket_id` is two numbers and a dot, the first of them the edge',
      tests: {
        'connection.test.ts': [
          'begins with its socket id and 120 s of activity timeout, in a string',
          'gets a socket id of its own on every edge, and the server library accepts it',
        ],
      },
    },
    {
      what: '`pusher:ping`, `pusher:pong`',
      does: 'a ping is answered; idle connections stay',
      tests: {
        'connection.test.ts': [
          'has a ping answered with a pong',
          'has its pings answered, so that an idle pusher-js stays',
        ],
      },
    },
    {
      what: 'a frame that cannot be read',
      does: '`pusher:error`, and the connection goes on',
      tests: { 'connection.test.ts': ['gets an error for %s, and goes on'] },
    },
    {
      what: 'an edge that dies',
      does: 'clients are back on another one after a second, in one handshake each; every event from then on, once and in order',
      tests: {
        'edge-death.test.ts': [
          'brings pusher-js back on another one after a second, and removes no member who came back',
          'brings 2,000 clients back on the other edge, in one handshake each and with nothing lost after it',
        ],
      },
    },
  ],
};

const channels: FeatureGroup = {
  title: 'Channels',
  features: [
    {
      what: 'public channels',
      does: 'subscribers on every edge get each event, in order, the data untouched; one app does not see the channels of another',
      tests: {
        'channels.test.ts': [
          'delivers what a backend triggers to subscribers on both edges, the data untouched',
          'keeps the order of a backend, on both edges',
          'is apart from the same channel of another app',
        ],
        'page.test.ts': [
          'has public, private, encrypted and cache channels and client events, with another page at the other edge',
        ],
      },
    },
    {
      what: '`pusher:subscribe`, `pusher_internal:subscription_succeeded`',
      does: 'answered with `data` `"{}"`; again: answered again, joined once',
      tests: {
        'channels.test.ts': [
          'is subscribed to with an empty auth, as pusher-js sends it',
          'has frames as strict clients want them: data is a string, and nothing else is in it',
          'is joined once by several subscribes, and a later one is answered again',
          'takes a hundred subscriptions at once, as pusher-js sends them when it connects',
        ],
      },
    },
    {
      what: '`pusher:unsubscribe`',
      does: 'nothing more is delivered, not answered',
      tests: {
        'channels.test.ts': [
          'delivers nothing any more once it is unsubscribed from, and again after another subscribe',
          'can be left while it is still being subscribed to',
        ],
      },
    },
    {
      what: 'channels of one connection',
      does: 'at most 1,000. Of those that its edge does not have yet, 100 at once and then 20 a second: the others wait',
      tests: {
        'channels.test.ts': [
          'is one of many that are new: beyond a hundred they wait for their turn, and none is refused',
        ],
      },
    },
    {
      what: 'names of channels',
      does: '`A-Z a-z 0-9 _ - = @ , . ;`, at most 200; another name: `pusher:subscription_error` of type `InvalidChannel`, status 400',
      tests: {
        'channels.test.ts': [
          'may have every character of a name, and 200 of them',
          'cannot be called %j: the subscription fails, and nothing else',
        ],
      },
    },
    {
      what: '`private-`',
      does: 'by the signature of the application; a wrong one: `pusher:subscription_error` of type `AuthError`, status 401',
      tests: {
        'channels.test.ts': [
          'is open to those whom the application authorizes, on both edges',
          'is closed to %s: pusher-js passes the error on, and nothing is delivered',
        ],
      },
    },
    {
      what: 'a secret that is replaced',
      does: 'signatures by `previousSecret` are taken too, of calls, channels and sign-ins; webhooks are signed with `secret` alone',
      tests: {
        'channels.test.ts': [
          'takes calls, channels and sign-ins of a backend with the %s secret, on both edges',
          'takes nothing of any other secret',
        ],
      },
    },
    {
      what: '`private-encrypted-`, `private-encrypted-cache-`',
      does: 'relayed as they are; the key stays with the application and its pages',
      tests: { 'channels.test.ts': ['%s is read by those who have its key, and by nothing between'] },
    },
    {
      what: '`cache-`, `private-cache-`, `presence-cache-`, `pusher:cache_miss`',
      does: 'a new subscriber gets the last event, for 30 minutes, or the miss',
      tests: {
        'channels.test.ts': [
          '%s says that it has nothing, then gives a new subscriber its last event, on either edge',
          'has the miss as a frame of its own, after the subscription',
          'keeps no event of a channel that is none',
        ],
      },
    },
    {
      what: '`pusher_internal:subscription_count`',
      does: 'over all edges, when the app has `subscriptionCount`',
      tests: {
        'channels.test.ts': ['is sent to those of an app that asks for it, over both edges', 'is sent to no one else'],
      },
    },
  ],
};

const clientEvents: FeatureGroup = {
  title: 'Client events',
  features: [
    {
      what: '`client-…` on private and presence channels',
      does: 'to all others on every edge, byte for byte, in the order of the channel; with `user_id` on presence channels',
      tests: {
        'client-events.test.ts': [
          'on %s goes to all others on both edges, and not to its sender',
          'is relayed byte for byte',
          'keeps its place among the events of the backend',
        ],
      },
    },
    {
      what: 'on other channels, on encrypted ones, without a subscription, of an app without `clientEvents`',
      does: 'refused with `pusher:error`; no one gets it',
      tests: {
        'client-events.test.ts': [
          'is refused where there are none, the connection goes on, and no other gets it',
          'is refused by an app that allows none',
        ],
      },
    },
    {
      what: 'limits',
      does: '10 a second for each connection (4301, the connection stays), `maxEventBytes` of data, 200 characters of name',
      tests: {
        'client-events.test.ts': [
          'is refused beyond ten a second with 4301, which pusher-js reports and nothing more',
          'is refused beyond 10 kB of data and 200 characters of name',
        ],
      },
    },
  ],
};

const presence: FeatureGroup = {
  title: 'Presence',
  features: [
    {
      what: '`presence-`: members, `pusher_internal:member_added`, `pusher_internal:member_removed`',
      does: 'over all edges; a new member sees itself; a user is there once, from the first connection to the last',
      tests: {
        'presence.test.ts': [
          'tells a new member who is there, itself included, and all others of it, over both edges',
          'has frames as strict clients want them',
          'has a user once, however many connections: added with the first, removed with the last',
          'takes a member without info',
        ],
        'page.test.ts': ['has presence, sign-in and what is sent to users'],
      },
    },
    {
      what: '`user_id` that is a number',
      does: 'the same user as its text; answered as it came',
      tests: {
        'presence.test.ts': ['takes a number as the id of a user, as Laravel sends it, and answers it as it came'],
      },
    },
    {
      what: '`channel_data` missing or null',
      does: 'the member is the user who is signed in',
      tests: { 'presence.test.ts': ['takes the user who signed in as the member when channel_data is %s'] },
    },
    {
      what: '`channel_data` that is wrong, too long or not what was signed',
      does: '`pusher:subscription_error`, status 400 or 401',
      tests: { 'presence.test.ts': ['refuses %s', 'refuses data that another is signed for'] },
    },
    {
      what: 'limit of members',
      does: '`maxPresenceMembers` over all edges; beyond: `pusher:subscription_error`',
      tests: { 'presence.test.ts': ['has no more members than the app allows, over both edges'] },
    },
    {
      what: 'an edge that dies',
      does: 'members who come back within 10 s were never away; the others are removed once, within 15 s',
      tests: {
        'edge-death.test.ts': [
          'brings pusher-js back on another one after a second, and removes no member who came back',
        ],
      },
    },
  ],
};

const users: FeatureGroup = {
  title: 'Users',
  features: [
    {
      what: '`pusher:signin`, `pusher:signin_success`',
      does: 'by the signature of the application; confirmed once the user can be ended there; refused with `pusher:error`, and the connection stays',
      tests: {
        'users.test.ts': [
          'has it confirmed in a string within a string, and is subscribed to a channel of its own by pusher-js',
          'can be signed in with a signature only',
          'is a text with an id: %s is refused',
        ],
      },
    },
    {
      what: '`#server-to-user-{id}`, `sendToUser`',
      does: 'for the connections that are signed in as the user, on every edge, and for no other',
      tests: {
        'users.test.ts': [
          'gets what is sent to the user, on every connection and edge, and no one else does',
          'has its channel for itself: others and those who are not signed in may not subscribe to it',
        ],
      },
    },
    {
      what: '`pusher_internal:watchlist_events`',
      does: 'who is online at the sign-in, then each change; the first 100 users (4302 for more, the connection stays)',
      tests: {
        'users.test.ts': [
          'has who is online at the sign-in, and then who comes and goes, over both edges',
          'takes the first hundred users, and reports 4302 for more, which closes nothing',
        ],
      },
    },
    {
      what: '`terminate_connections`',
      does: 'closes those that are signed in as the user, on every edge, with 4009; 503 when an edge could not be notified',
      tests: {
        'users.test.ts': ['ends those that are signed in as this user, on both edges and for ever, and no other'],
      },
    },
  ],
};

const rest: FeatureGroup = {
  title: 'REST API',
  features: [
    {
      what: '`POST /events`',
      does: '`channels` or `channel`, up to 100; `info`, left out where it cannot be had in time; any name of at most 200 characters',
      tests: {
        'rest.test.ts': [
          'takes one channel, several, and `channel` as the PHP library sends it',
          'gives the info that is asked for',
          'publishes names as they are, those of Laravel among them',
          'answers 400 to %s',
          'answers 400 to what is no JSON',
        ],
      },
    },
    {
      what: '`socket_id`',
      does: 'that connection is left out, and no other',
      tests: {
        'rest.test.ts': ['leaves out the connection of socket_id, on the channels of the event and on no other'],
      },
    },
    {
      what: 'size of data',
      does: '`maxEventBytes`, by default 10 kB; beyond: 413',
      tests: { 'rest.test.ts': ['answers 413 to more data than the app allows, and takes 10 kB by default'] },
    },
    {
      what: '`POST /batch_events`',
      does: 'up to ten events, all checked before any is published; after a 503 some may be out; `info` by index',
      tests: {
        'rest.test.ts': [
          'publishes ten events in their order, each without its socket_id',
          'gives the info of each event that asks for it, by its place',
          'answers 400 to eleven events and to one that is wrong, and publishes none then',
        ],
      },
    },
    {
      what: '`GET /channels`',
      does: 'the occupied ones, over all edges; `filter_by_prefix`, `info`; at most 10,000, and 1,000 of them with `subscription_count`: 400 for more',
      tests: {
        'rest.test.ts': [
          'lists the occupied channels, by prefix, with the users of presence channels',
          'answers 400 to user_count without the prefix of presence channels',
        ],
      },
    },
    {
      what: '`GET /channels/{channel}`',
      does: '`occupied`, and of `info` what a channel of its kind has: `user_count`, `subscription_count`, `cache`',
      tests: {
        'rest.test.ts': [
          'tells whether it is occupied, and its users or subscribers',
          'has the last event of a cache channel, or null',
          'leaves out what a channel of its kind does not have',
          'answers 400 to an attribute that there is not',
        ],
      },
    },
    {
      what: '`GET /channels/{channel}/users`',
      does: 'each user once, ids as text',
      tests: {
        'rest.test.ts': ['lists each user once, over both edges', 'answers 400 for a channel without presence'],
      },
    },
    {
      what: '`GET /connections`, `GET /up` (Reverb)',
      does: 'the connections of the app, over all edges; 200',
      tests: {
        'connection.test.ts': ['is counted by GET /connections'],
        'rest.test.ts': ['answers 200 without a signature, as Reverb does'],
      },
    },
    {
      what: 'signatures',
      does: 'over the decoded query and the received body, within 600 s; with or without a prefix of `PUSHER_PATH_PREFIX`; otherwise 401, and 404 for an unknown app',
      tests: {
        'rest.test.ts': [
          'is taken when it is signed: the unchanged one of the library',
          'may be signed 10 minutes before or after',
          'is signed over what its query means, and not over how it is escaped',
          'is refused with 401 for %s',
          'is refused with 401 when its body was changed on the way',
          'is refused with 404 for an app that is not there',
          'is signed without a prefix of its path, as the PHP library does, or with it',
        ],
      },
    },
  ],
};

const webhooks: FeatureGroup = {
  title: 'Webhooks',
  features: [
    {
      what: 'form and signature',
      does: '`X-Pusher-Key`, `X-Pusher-Signature`, `Content-Type: application/json`; the library calls them valid',
      tests: { 'webhooks.test.ts': ['is valid for the server library: key, signature, exact type, time'] },
    },
    {
      what: '`channel_occupied`, `channel_vacated`',
      does: 'once over all edges',
      tests: { 'webhooks.test.ts': ['tells of channels that are occupied and vacated, once over both edges'] },
    },
    {
      what: '`member_added`, `member_removed`',
      does: 'once for each user; `user_id` is text',
      tests: { 'webhooks.test.ts': ['tells of members who come and go, a number as text'] },
    },
    {
      what: '`client_event`',
      does: 'with `event`, `data`, `socket_id`, and `user_id` on presence channels',
      tests: { 'webhooks.test.ts': ['tells of client events, with the member on presence channels'] },
    },
    {
      what: '`cache_miss`, `subscription_count`',
      does: 'sent',
      tests: { 'webhooks.test.ts': ['tells of cache channels that had nothing, and of counts of subscribers'] },
    },
    {
      what: 'an answer other than 2xx',
      does: 'sent again, with growing delays',
      tests: { 'webhooks.test.ts': ['is sent again until it is taken'] },
    },
  ],
};

const balancers: FeatureGroup = {
  title: 'Behind a balancer, on one host and port',
  features: [
    {
      what: '`/app/` and `/apps/`',
      does: 'to edges, and to control-apis: [deploy/nginx](../../deploy/nginx/nginx.conf) and [deploy/haproxy](../../deploy/haproxy/haproxy.cfg), before two of each',
      tests: {
        'balancer.test.ts': ['serves pusher-js and the server library, and keeps to itself what is not for them'],
      },
    },
    {
      what: 'an edge that drains',
      does: 'its clients come to another one within seconds',
      tests: { 'balancer.test.ts': ['has clients at another edge soon when one drains'] },
    },
  ],
};

const echo: FeatureGroup = {
  title: 'Laravel Echo, broadcasters `reverb` and `pusher`',
  features: [
    {
      what: '`listen`, `notification`',
      does: 'names of classes, `.names` of their own, notifications',
      tests: {
        'echo.test.ts': [
          'listens to the events of a class and to those with a name of their own',
          'asks the application for private channels, with its tokens, and gets notifications',
        ],
        'page.test.ts': ['has what a Laravel application broadcasts, with its presence and its whispers'],
      },
    },
    {
      what: '`whisper`, `toOthers()`',
      does: 'to all others, on every edge',
      tests: {
        'echo.test.ts': [
          'whispers to others on both edges',
          'sends to others: toOthers() leaves out the socket of X-Socket-ID',
        ],
      },
    },
    {
      what: '`join`: `here`, `joining`, `leaving`',
      does: 'over all edges',
      tests: { 'echo.test.ts': ['joins presence channels: here, joining, leaving'] },
    },
    {
      what: '`encryptedPrivate`, `signin`, `error`',
      does: 'as with pusher-js',
      tests: {
        'echo.test.ts': [
          'reads encrypted channels',
          'signs in by the application',
          'gives the error of a channel that it may not have',
        ],
      },
    },
  ],
};

export const featureGroups: readonly FeatureGroup[] = [
  connecting,
  channels,
  clientEvents,
  presence,
  users,
  rest,
  webhooks,
  balancers,
  echo,
];
