import type { OwnKey } from '../api/own-key.ts';
import { ownKey } from './session.ts';

export type Right = 'register' | 'manage' | 'manage all' | 'look at users';
export type TopicRight = 'subscribe' | 'publish' | 'manage' | 'create' | 'presence';

const has: Readonly<Record<Right, (key: OwnKey) => boolean>> = {
  register: ({ can }) => can.register,
  manage: ({ can }) => can.manage.length > 0,
  'manage all': ({ can }) => can.manage.includes('**'),
  'look at users': ({ can }) => can.manage.length > 0 || can.presence.includes('@users'),
};

/** What to grant, as the keys file has it. */
export const GRANT: Readonly<Record<Right, string>> = {
  register: '"register": true',
  manage: '"manage": ["<pattern>"]',
  'manage all': '"manage": ["**"]',
  'look at users': '"presence": ["@users"]',
};

/** Whether the key of the session has a right. control-api decides; this only saves a call that would be refused. */
export function may(right: Right): boolean {
  const key = ownKey.value;
  return key !== null && has[right](key);
}

/** Whether it has a right over a topic. */
export function mayOn(right: TopicRight, topic: string): boolean {
  return (ownKey.value?.can[right] ?? []).some((pattern) => fits(pattern, topic));
}

/** As `matchesPattern` of the protocol has it, for a key, which has no user. */
function fits(pattern: string, topic: string): boolean {
  const given = topic.split('.');
  const segments = pattern.split('.');
  for (const [index, segment] of segments.entries()) {
    if (segment === '**') return given.length > index;
    if (segment !== '*' && segment !== given[index]) return false;
    if (index >= given.length) return false;
  }
  return segments.length === given.length;
}
