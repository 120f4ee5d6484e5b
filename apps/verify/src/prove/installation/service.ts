import { type App, type ServiceHandle, startService } from '@holdfast/local/services';
import { isAlive } from '@holdfast/local/is-alive';

/** One service that can be hurt, and started again as it was: on the same port, so that its address stays good. */
export class Service {
  readonly name: string;
  readonly #app: App;
  readonly #env: Record<string, string>;
  #handle: ServiceHandle;

  private constructor(name: string, app: App, env: Record<string, string>, handle: ServiceHandle) {
    this.name = name;
    this.#app = app;
    this.#env = { ...env, [portVariable(app)]: new URL(handle.url).port };
    this.#handle = handle;
  }

  /** Starts it on a port of the system's choice. Rejects with `ChildFailed`. */
  static async start(name: string, app: App, env: Record<string, string>): Promise<Service> {
    const handle = await startService({ app, env: { ...env, [portVariable(app)]: '0' } });
    return new Service(name, app, env, handle);
  }

  get pid(): number {
    return this.#handle.pid;
  }

  /** `http://127.0.0.1:…`, the same through all its lives. */
  get url(): string {
    return this.#handle.url;
  }

  /** Ends it without a word; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#handle.kill('SIGKILL');
    await this.#handle.exited;
    if (isAlive(this.pid)) throw new Error(`${this.name} outlived SIGKILL`);
  }

  /** SIGTERM; gives its exit code when it is gone. */
  async terminate(): Promise<number | null> {
    return (await this.#handle.stop()).code;
  }

  /** Starts it again, with other variables if some are given. */
  async startAgain(env: Record<string, string> = {}): Promise<void> {
    this.#handle = await startService({ app: this.#app, env: { ...this.#env, ...env } });
  }

  signal(signal: NodeJS.Signals): void {
    this.#handle.kill(signal);
  }

  freeze(): void {
    this.#handle.kill('SIGSTOP');
  }

  thaw(): void {
    this.#handle.kill('SIGCONT');
  }

  /** The last lines it printed. */
  lines(): readonly string[] {
    return this.#handle.lines();
  }

  /** Ends it for good, at once: the run is over. */
  async stop(): Promise<void> {
    this.#handle.kill('SIGKILL');
    await this.#handle.exited;
  }
}

function portVariable(app: App): string {
  return app === 'socket-edge' ? 'EDGE_PORT' : 'CONTROL_PORT';
}
