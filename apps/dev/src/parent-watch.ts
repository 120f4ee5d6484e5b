/** Short enough that the end follows that of npm at once. */
const LOOK_MS = 250;

/**
 * Calls `act` once when the process that started us is gone. npm starts a script through a shell and hands its signals
 * to that shell, which dies of them and passes nothing on: `kill <npm>` would leave us running for ever. Not under npm
 * nothing is watched: the starter of a background process may well end.
 * @returns the stop
 */
export function watchParent(env: Readonly<Record<string, string | undefined>>, act: () => void): () => void {
  if (env['npm_lifecycle_event'] === undefined) return () => undefined;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    act();
  }, LOOK_MS);
  return () => clearInterval(timer);
}
