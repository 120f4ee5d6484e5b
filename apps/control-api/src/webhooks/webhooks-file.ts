import { type WebhookEndpoint, webhooksFile } from '@holdfast/protocol/webhooks-file';
import { ConfigError, type ConfigFault } from '@holdfast/service/config';
import type { Logger } from '@holdfast/service/logger';
import type { z } from 'zod';
import { BoundedFile } from '../files/bounded-file.ts';
import { WatchedFile, readContent } from '../files/watched-file.ts';
import { isForbiddenHost } from './address-guard.ts';

/** A hundred endpoints with a hundred patterns each. */
const MAX_BYTES = 4 * 1024 * 1024;

/** Where endpoints of webhooks come from. */
export interface WebhookSource {
  readonly first: readonly WebhookEndpoint[];
  /** Calls back with the endpoints of each valid content, until the stop that it returns is called. */
  readonly watch: (onChange: (endpoints: readonly WebhookEndpoint[]) => void) => () => void;
  /** Reads the file, also if nothing seems to have changed. Never rejects: an invalid file keeps the old endpoints. */
  readonly reload: () => Promise<void>;
}

interface FileOptions {
  /** Whether endpoints may be on private addresses, and be asked without TLS. */
  readonly allowPrivate: boolean;
}

/**
 * Reads the file of webhooks.
 * @throws {ConfigError} when it cannot be read, or is broken
 */
export async function openWebhooksFile(
  path: string,
  { allowPrivate, logger }: FileOptions & { logger: Logger },
): Promise<WebhookSource> {
  const file = new BoundedFile(path, { maxBytes: MAX_BYTES });
  const schema = schemaFor({ allowPrivate });
  const first = await readContent(file, schema);
  if ('fault' in first) throw new ConfigError([unusable(path, first.fault)]);
  let listener: ((endpoints: readonly WebhookEndpoint[]) => void) | null = null;
  const watched = new WatchedFile({
    name: 'webhooks file',
    file,
    schema,
    seen: first.text,
    stays: 'endpoints',
    onChange: ({ endpoints }) => {
      logger.info({ file: path, endpoints: endpoints.map(({ id }) => id) }, 'webhooks reloaded');
      listener?.(endpoints);
    },
    logger,
  });
  return {
    first: first.value.endpoints,
    reload: watched.reload,
    watch: (onChange) => {
      listener = onChange;
      return watched.watch();
    },
  };
}

/** Why the file of webhooks cannot be used; null when it can. */
export async function faultOfWebhooks(path: string, options: FileOptions): Promise<ConfigFault | null> {
  const found = await readContent(new BoundedFile(path, { maxBytes: MAX_BYTES }), schemaFor(options));
  return 'fault' in found ? unusable(path, found.fault) : null;
}

function unusable(file: string, why: string): ConfigFault {
  const rule = `must name a file of webhooks that can be used; ${why}`;
  return { variable: 'WEBHOOKS_FILE', rule, given: JSON.stringify(file) };
}

/** What a name resolves to is checked when it is connected to; an address is refused here already. */
function schemaFor({ allowPrivate }: FileOptions): z.ZodType<z.output<typeof webhooksFile>> {
  if (allowPrivate) return webhooksFile;
  return webhooksFile.superRefine(({ endpoints }, context) => {
    for (const [index, { url }] of endpoints.entries()) {
      const { protocol = '', hostname = '' } = URL.parse(url) ?? {};
      const fault = (message: string): void =>
        context.addIssue({ code: 'custom', path: ['endpoints', index, 'url'], message });
      if (protocol !== 'https:') fault('must be an https:// URL unless WEBHOOKS_ALLOW_PRIVATE is 1');
      if (isForbiddenHost(hostname)) fault('must not be a private address unless WEBHOOKS_ALLOW_PRIVATE is 1');
    }
  });
}
