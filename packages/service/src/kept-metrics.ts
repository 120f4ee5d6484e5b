import type { MetricsSource } from './http-health.ts';
import type { MetricsText } from './metrics.ts';

/** A scrape takes milliseconds, and nobody needs one more often. */
const KEPT_MS = 1_000;

/** The text of a scrape, made at most once a second: whoever asks more often gets the same bytes. */
export function keptMetrics(metrics: MetricsSource, now: () => number = () => performance.now()): MetricsSource {
  let kept: Promise<MetricsText> | undefined;
  let madeAt = -Infinity;
  return {
    text: () => {
      if (kept === undefined || now() - madeAt >= KEPT_MS) {
        madeAt = now();
        kept = metrics.text();
        // A failure is for those who wait for it, and not for those who come later.
        kept.catch(() => {
          kept = undefined;
        });
      }
      return kept;
    },
  };
}
