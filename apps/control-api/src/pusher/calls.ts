import type { ProblemCode } from '@holdfast/protocol/problems';
import { pusherAppId } from '@holdfast/protocol/pusher-app';
import { z } from 'zod';

/** What the calls under `/apps/{appId}` have in common. */

export const tags = ['pusher'];

export const security: Record<string, string[]>[] = [{ signature: [] }];

export const appPath = z.object({ appId: pusherAppId });

/** What each of them may answer besides. */
export const SIGNED_CODES: readonly ProblemCode[] = [
  'signature-invalid',
  'key-expired',
  'app-not-found',
  'too-many-calls',
];

/** What one with a body may. Its type is not looked at: it is JSON. */
export const SIGNED_BODY_CODES: readonly ProblemCode[] = [
  ...SIGNED_CODES,
  'malformed-json',
  'payload-too-large',
  'unsupported-encoding',
];
