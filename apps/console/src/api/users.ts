import type { publishResponse } from '@holdfast/protocol/rest/messages';
import type {
  disconnectUserResponse,
  revokeResponse,
  userResponse,
  usersResponse,
} from '@holdfast/protocol/rest/users';
import { type Request, change, get, path } from './request.ts';

export type User = (typeof userResponse)['_output'];

export function readUser(user: string): Request<User> {
  return get(path`/v1/users/${user}`);
}

export function readUsers(users: readonly string[]): Request<(typeof usersResponse)['_output']> {
  return change('POST', '/v1/users/status', { users });
}

export function disconnectUser(user: string): Request<(typeof disconnectUserResponse)['_output']> {
  return change('POST', path`/v1/users/${user}/disconnect`);
}

/** @param issuedBefore RFC 3339; now when it is not given */
export function revokeUser(user: string, issuedBefore?: string): Request<(typeof revokeResponse)['_output']> {
  return change('POST', path`/v1/users/${user}/revoke`, { issuedBefore });
}

/** @param json the message, as JSON text: it arrives byte for byte */
export function publishToUser(user: string, json: string): Request<(typeof publishResponse)['_output']> {
  return { method: 'POST', path: path`/v1/users/${user}/messages`, body: json };
}
