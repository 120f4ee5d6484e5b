import { Command, type Redis } from 'ioredis';

type Callback = (error?: Error | null, reply?: unknown) => void;

/**
 * Mends `callBuffer` on a connection with automatic pipelining: ioredis 6.0.0 puts the command's name back for `call`
 * but not for `callBuffer`, and so sends the first argument as the command. A command that ioredis knows goes by its
 * own method, and so into the pipeline; any other is sent by itself.
 */
export function mendCallBuffer(redis: Redis): void {
  const known = new Set(redis.getBuiltinCommands());
  redis.callBuffer = (command: string, ...rest: readonly unknown[]): Promise<unknown> => {
    const name = command.toLowerCase();
    // These methods exist for every command, and the typings know a part of them.
    const method: unknown = known.has(name) ? Reflect.get(redis, `${name}Buffer`) : undefined;
    if (typeof method === 'function') return Reflect.apply(method, redis, rest) as Promise<unknown>;

    const last = rest.at(-1);
    const callback = typeof last === 'function' ? (last as Callback) : undefined;
    const args = (callback === undefined ? rest : rest.slice(0, -1)).flat() as (string | number | Buffer)[];
    return redis.sendCommand(new Command(command, args, { replyEncoding: null }, callback)) as Promise<unknown>;
  };
}
