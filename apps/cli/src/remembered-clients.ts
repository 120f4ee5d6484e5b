import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Whoever reads a client's id may act for it. */
const FILE_MODE = 0o600;
/** Installations come and go, each on ports of its own; only the newest names are worth keeping. */
const MOST = 100;

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
 */
export class RememberedClients {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  async find(which: WhichClient): Promise<string | undefined> {
    return (await this.#read()).find((client) => isSame(client, which))?.clientId;
  }

  async remember(client: RememberedClient): Promise<void> {
    const others = (await this.#read()).filter((other) => !isSame(other, client));
    await this.#write([...others, client].slice(-MOST));
  }

  async forget(clientId: string): Promise<void> {
    const clients = await this.#read();
    const kept = clients.filter((client) => client.clientId !== clientId);
    if (kept.length < clients.length) await this.#write(kept);
  }

  /** A file that is damaged or of another form is as good as none: it only saves a person the client id. */
  async #read(): Promise<RememberedClient[]> {
    let value: unknown;
    try {
      value = JSON.parse(await readFile(this.#file, 'utf8'));
    } catch (error) {
      if (error instanceof SyntaxError || isMissing(error)) return [];
      throw error;
    }
    return Array.isArray(value) ? value.filter(isRemembered) : [];
  }

  async #write(clients: readonly RememberedClient[]): Promise<void> {
    await mkdir(dirname(this.#file), { recursive: true });
    const successor = `${this.#file}.${process.pid}`;
    await writeFile(successor, `${JSON.stringify(clients, null, 2)}\n`, { mode: FILE_MODE });
    await rename(successor, this.#file);
  }
}

function isSame(a: WhichClient, b: WhichClient): boolean {
  return a.controlUrl === b.controlUrl && a.keyId === b.keyId && a.name === b.name;
}

function isRemembered(value: unknown): value is RememberedClient {
  const { controlUrl, keyId, name, clientId } = { ...(value as Partial<RememberedClient> | null) };
  return [controlUrl, keyId, name, clientId].every((field) => typeof field === 'string');
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
