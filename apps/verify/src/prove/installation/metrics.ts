const PREFIX = 'holdfast_';
const ANSWER_MS = 5000;

/**
 * The value of a service's metric by its name without prefix; of several, of the one whose labels begin so. Rejects when it does
 * not answer, or has no such metric.
 */
export async function readMetric(url: string, name: string, labels = ''): Promise<number> {
  const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(ANSWER_MS) });
  const text = await response.text();
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${PREFIX}${name}{${labels}`));
  const value = Number(line?.split(' ').at(-1));
  if (line === undefined || Number.isNaN(value)) throw new Error(`${url}/metrics has no ${PREFIX}${name}`);
  return value;
}
