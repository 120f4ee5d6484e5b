import { randomBytes } from 'node:crypto';
import { secondsLocked } from '@holdfast/keys-file/keys-file';
import type { ApiKey } from '@holdfast/protocol/api-key';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import type { RedisFacts } from '@holdfast/redis/inspection';
import { reasonOf } from '@holdfast/service/error-fields';
import { systemFacts } from '@holdfast/service/system-facts';
import { ProblemError } from '../http/problem-error.ts';
import { keysWithPlainSecrets, readersOf } from '../auth/plain-secrets.ts';
import { register } from '../clients/register.ts';
import type { Services } from '../services.ts';
import type { ControlSettings, DoctorFacts } from './facts.ts';
import { type HeldConnection, type UrlProbe, holdOpen, probeUrl } from './url-probe.ts';

/** URLs that are tried: an installation has one, or one for each edge. */
const MAX_URLS = 50;
/** Should this process die meanwhile, the client is forgotten. */
const CLIENT_EXPIRY_SECONDS = 300;

export interface DoctorSources {
  readonly services: Services;
  readonly settings: ControlSettings;
  readonly redisFacts: () => Promise<RedisFacts>;
}

export interface Examination {
  /** Whose client a connection that is held open is. */
  readonly key: ApiKey;
  /** For how long connections are held open, in milliseconds; 0: none are. */
  readonly holdMs: number;
  readonly forwarded: boolean;
  /** Ends what takes long. */
  readonly signal: AbortSignal;
}

/** Asks everybody. Rejects only by a fault of ours: what cannot be asked is a fact as well. */
export async function gatherFacts(sources: DoctorSources, examination: Examination): Promise<DoctorFacts> {
  const { services, settings, redisFacts } = sources;
  const { broker, keys, keysFile } = services;
  const [redis, writeFault, edges, keysFileLockedSeconds, keysFileReaders] = await Promise.all([
    redisFacts(),
    broker.tryWrites().then(() => null, causeOf),
    broker.liveEdges().catch(nothingOf),
    // One that cannot be looked at is named when it is read.
    keysFile && secondsLocked(keysFile.path).catch(() => null),
    keysFile && keysWithPlainSecrets(keys.all()).length > 0 ? readersOf(keysFile.path).catch(() => null) : null,
  ]);
  const advertised = [...new Set((edges ?? []).map(({ url }) => url))].toSorted();
  const urls = advertised.slice(0, MAX_URLS);
  const [probes, held] = await Promise.all([
    Promise.all(urls.map((url): Promise<UrlProbe> => probeUrl(url))),
    examination.holdMs > 0 ? Promise.all(urls.map((url) => hold(services, url, examination))) : null,
  ]);
  return {
    control: {
      ...settings,
      system: systemFacts(),
      forwarded: examination.forwarded,
      keysFileLockedSeconds,
      keysFileReaders,
    },
    redis,
    writeFault,
    edges,
    urls: probes,
    urlsLeftOut: advertised.length - urls.length,
    held,
  };
}

/** With a client of its own, as any has one connection. */
async function hold(services: Services, url: string, { key, holdMs, signal }: Examination): Promise<HeldConnection> {
  const refused = (reason: string): HeldConnection => ({ url, outcome: { kind: 'not-held', reason } });
  if (!key.can.register) return refused(`the API key "${key.id}" has no right to register a client for it`);
  const name = `doctor-${randomBytes(6).toString('hex')}`;
  try {
    const { clientId } = await register(services, key, { name, clientExpirySeconds: CLIENT_EXPIRY_SECONDS });
    try {
      return await holdOpen(url, clientId, holdMs, signal);
    } finally {
      await services.broker.unregister(clientId);
    }
  } catch (error) {
    if (error instanceof RedisUnavailable || error instanceof ProblemError) return refused(reasonOf(error));
    throw error;
  }
}

function causeOf(error: unknown): string {
  if (error instanceof RedisUnavailable) return reasonOf(error.cause ?? error);
  throw error;
}

function nothingOf(error: unknown): null {
  if (error instanceof RedisUnavailable) return null;
  throw error;
}
