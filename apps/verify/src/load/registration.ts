import type { ControlApi } from '@holdfast/harness/control-api';
import { CallRefused } from '@holdfast/harness/control-api';
import { retrying } from '@holdfast/harness/retry';

/** Registers a client, again while the installation is away for a moment. Rejects when it is refused. */
export async function register(
  control: ControlApi,
  clientId: string,
  topics: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  await retrying(async (attempt) => {
    try {
      await control.register(clientId, topics);
    } catch (error) {
      // The attempt before got no answer, and had succeeded.
      if (attempt > 1 && isRefusal(error, 'client-exists')) return;
      throw error;
    }
  }, signal);
}

/** Unregisters a client. One that is not registered (any more) is as good. */
export async function unregister(control: ControlApi, clientId: string): Promise<void> {
  await retrying(async () => {
    try {
      await control.unregister(clientId);
    } catch (error) {
      if (!isRefusal(error, 'user-not-found')) throw error;
    }
  });
}

/** Deletes a topic. One that does not exist (any more) is as good. */
export async function removeTopic(control: ControlApi, topic: string): Promise<void> {
  await retrying(async () => {
    try {
      await control.deleteTopic(topic);
    } catch (error) {
      if (!isRefusal(error, 'topic-not-found')) throw error;
    }
  });
}

function isRefusal(error: unknown, code: string): boolean {
  return error instanceof CallRefused && error.code === code;
}
