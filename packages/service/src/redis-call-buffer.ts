import { Command, type Redis } from 'ioredis';

type Argument = string | number | Buffer;

/**
 * Mends `callBuffer` on a connection with automatic pipelining: ioredis 6.0.0 puts the command's name back for `call`
 * but not for `callBuffer`, and so sends the first argument as the command. Mended, it goes out by itself, outside the
 * pipeline; what is called often should use the command's own method, such as `evalshaBuffer`.
 */
export function mendCallBuffer(redis: Redis): void {
  redis.callBuffer = (command: string, ...rest: readonly unknown[]): Promise<unknown> => {
    const last = rest.at(-1);
    const callback = typeof last === 'function' ? (last as (error?: Error | null, reply?: unknown) => void) : undefined;
    const args = (callback === undefined ? rest : rest.slice(0, -1)).flat() as Argument[];
    return redis.sendCommand(new Command(command, args, { replyEncoding: null }, callback)) as Promise<unknown>;
  };
}
