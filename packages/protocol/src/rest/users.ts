import { z } from 'zod';
import { MAX_USERS } from '../limits.ts';
import { userName } from '../user.ts';

/** Whether a user is there. */
export const userResponse = z.object({
  user: z.string(),
  connected: z.boolean(),
  clients: z.int().describe('Registered clients of the user'),
  connections: z.int().describe('Those of them that are connected'),
});

/** Many at once; a user without a client is one with 0 clients. */
export const usersRequest = z.strictObject({ users: z.array(userName).min(1).max(MAX_USERS) });

export const usersResponse = z.object({ users: z.array(userResponse).describe('In the order asked for') });

/** From here on numbers are milliseconds: as seconds they would be of the year 5138. */
const MILLISECONDS_FROM = 100_000_000_000;

export const revokeRequest = z
  .strictObject({
    issuedBefore: z
      .union(
        [
          z.iso.datetime({ offset: true }).transform((text) => Date.parse(text)),
          z
            .number()
            .min(0)
            .transform((time) => (time < MILLISECONDS_FROM ? time * 1000 : time)),
        ],
        { error: 'must be an RFC 3339 time, or seconds since 1970' },
      )
      .meta({
        anyOf: [
          { type: 'string', format: 'date-time' },
          { type: 'number', minimum: 0 },
        ],
      })
      .optional()
      .describe('RFC 3339, or a number of seconds as in the claim `iat`; now when it is not given'),
  })
  .nullish();

export const revokeResponse = z.object({
  user: z.string(),
  clients: z.int().describe('Clients whose authorization ended by it'),
});

export const disconnectUserResponse = z.object({
  user: z.string(),
  clients: z.int().describe('Clients of the user that the key manages'),
  connections: z.int().describe('Connections that are being closed'),
});
