import { randomBytes } from 'node:crypto';

/** Far above the members of a run: what it finds is no limit. */
const MAX_PRESENCE_MEMBERS = 1000;
const SECRET_BYTES = 16;

/** The app that a run's clients and publishers use, as the keys file has it. */
export interface App {
  appId: string;
  key: string;
  secret: string;
  clientEvents: boolean;
  maxPresenceMembers: number;
}

export function newApp(): App {
  return {
    appId: 'prove',
    key: 'prove-key',
    secret: randomBytes(SECRET_BYTES).toString('hex'),
    clientEvents: true,
    maxPresenceMembers: MAX_PRESENCE_MEMBERS,
  };
}
