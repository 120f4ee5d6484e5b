import type { ApiKey } from '@holdfast/protocol/api-key';
import { reasonOf } from '@holdfast/service/error-fields';
import type { Logger } from '@holdfast/service/logger';
import { importKey } from './signatures.ts';

/** A secret for HMAC with SHA-256 must be as long as its output (RFC 7518, 3.2). */
const SECRET_BYTES = 32;

/** Reports settings for tokens that are weaker than they should be, or cannot work. Never rejects. */
export async function checkTokenSettings(keys: readonly ApiKey[], logger: Logger): Promise<void> {
  for (const { id, tokens } of keys) {
    if (tokens === undefined) continue;
    if (tokens.alg === 'HS256') {
      if (Buffer.byteLength(tokens.secret) >= SECRET_BYTES) continue;
      logger.warn(
        { key: id },
        `the secret for tokens of an API key is shorter than ${SECRET_BYTES} bytes: it can be guessed`,
      );
    } else if (tokens.publicJwk !== undefined) {
      await importKey(tokens).catch((error: unknown) => {
        logger.error(
          { key: id, reason: reasonOf(error) },
          'tokens.publicJwk of an API key is no key: its tokens are refused',
        );
      });
    }
  }
}
