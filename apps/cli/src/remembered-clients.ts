import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RegisterOptions, Registration } from '@holdfast/client/rest';
import type { Invocation } from './invocation.ts';

/** A client's id is a credential. */
const FILE_MODE = 0o600;
/** Installations come and go, each on ports of its own; only the newest names are worth keeping. */
const MAX_CLIENTS = 100;

export interface RememberedClient {
  controlUrl: string;
  /** The id of the API key: a name is unique within its key. */
  keyId: string;
  name: string;
  clientId: string;
}

export type WhichClient = Omit<RememberedClient, 'clientId'>;

/**
 * The clients that this command line registered under a name, so that the same line pasted twice listens as the same
 * client instead of stumbling over its own name.
 *
 * A file each, named by digests of the client's name and id: no command rewrites a file of another, so commands that run
 * at the same time, as listeners do that all register again after a restart, lose nothing of each other.
 */
export class RememberedClients {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async find(which: WhichClient): Promise<string | undefined> {
    // Another command may put a newer file in place of the one that was found, just before it is read.
    return (await this.#look(which)) ?? this.#look(which);
  }

  async #look(which: WhichClient): Promise<string | undefined> {
    const files = (await this.#files()).filter((file) => file.startsWith(digest(keyOf(which))));
    for (const file of await this.#newestFirst(files)) {
      const client = await this.#read(file);
      if (client) return client.clientId;
    }
    return undefined;
  }

  /** Where nothing can be written, as in a container that is read-only, a client is registered all the same. */
  async remember(client: RememberedClient): Promise<void> {
    try {
      await this.#keep(client);
    } catch (error) {
      if (!isReadOnly(error)) throw error;
    }
  }

  async #keep(client: RememberedClient): Promise<void> {
    const key = digest(keyOf(client));
    const file = `${key}-${digest(client.clientId)}.json`;
    await this.#write(file, client);
    const others = (await this.#files()).filter((other) => other !== file);
    const replaced = others.filter((other) => other.startsWith(key));
    const kept = others.filter((other) => !other.startsWith(key));
    await this.#remove([...replaced, ...(await this.#newestFirst(kept)).slice(MAX_CLIENTS - 1)]);
  }

  async forget(clientId: string): Promise<void> {
    const ending = `-${digest(clientId)}.json`;
    await this.#remove((await this.#files()).filter((file) => file.endsWith(ending)));
  }

  async #files(): Promise<string[]> {
    return (await orUndefined(readdir(this.#directory))) ?? [];
  }

  async #newestFirst(files: readonly string[]): Promise<string[]> {
    const dated = await Promise.all(
      files.map(async (file) => ({ file, at: (await orUndefined(stat(join(this.#directory, file))))?.mtimeMs ?? 0 })),
    );
    return dated.toSorted((one, other) => other.at - one.at).map(({ file }) => file);
  }

  /** A file that is damaged or of another form is as good as none: it only saves a person the client id. */
  async #read(file: string): Promise<RememberedClient | undefined> {
    const text = await orUndefined(readFile(join(this.#directory, file), 'utf8'));
    try {
      const value: unknown = JSON.parse(text ?? '');
      return isRemembered(value) ? value : undefined;
    } catch {
      return undefined;
    }
  }

  /** Renamed into place: a command that reads at this moment sees a whole file. */
  async #write(file: string, client: RememberedClient): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    const successor = join(this.#directory, `${randomUUID()}.new`);
    await writeFile(successor, `${JSON.stringify(client, null, 2)}\n`, { mode: FILE_MODE });
    await rename(successor, join(this.#directory, file));
  }

  async #remove(files: readonly string[]): Promise<void> {
    await Promise.all(files.map((file) => rm(join(this.#directory, file), { force: true })));
  }
}

function keyOf({ controlUrl, keyId, name }: WhichClient): string {
  return JSON.stringify([controlUrl, keyId, name]);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

function isReadOnly(error: unknown): boolean {
  return error instanceof Error && 'code' in error && ['EACCES', 'EPERM', 'EROFS'].includes(String(error.code));
}

function isRemembered(value: unknown): value is RememberedClient {
  const { controlUrl, keyId, name, clientId } = { ...(value as Partial<RememberedClient> | null) };
  return [controlUrl, keyId, name, clientId].every((field) => typeof field === 'string');
}

/** Undefined for what is not there, or not any more. */
async function orUndefined<Value>(promise: Promise<Value>): Promise<Value | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Registers a client, and remembers it when it has a name. */
export async function registerClient(invocation: Invocation, options: RegisterOptions): Promise<Registration> {
  const rest = await invocation.rest();
  const registration = await rest.register(options);
  if (options.name !== undefined) {
    const which = await whichClient(invocation, options.name);
    await rememberedClients(invocation).remember({ ...which, clientId: registration.clientId });
  }
  return registration;
}

export function rememberedClients({ terminal }: Invocation): RememberedClients {
  return new RememberedClients(terminal.rememberedClientsDirectory);
}

export async function whichClient(invocation: Invocation, name: string): Promise<WhichClient> {
  const { controlUrl, key = '' } = await invocation.target();
  return { controlUrl: new URL(controlUrl).href, keyId: key.split('.')[0] ?? '', name };
}
