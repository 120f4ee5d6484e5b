// Queries of Prometheus, as the panels of the dashboard need them. Each names its metric without the prefix.

const PREFIX = 'holdfast_';
/** Those that are chosen at the top of the dashboard. */
const CHOSEN = 'job=~"$job", instance=~"$instance"';
const WINDOW = '[$__rate_interval]';

/** Samples of a metric that match: `published` for `outcome="published"`. */
export function samples(metric: string, matchers = ''): string {
  return `${PREFIX}${metric}{${[CHOSEN, matchers].filter((part) => part !== '').join(', ')}}`;
}

/** How much a counter grows in a second: of all together, or by labels. */
export function perSecond(metric: string, { by = '', where = '' }: Cut = {}): string {
  return `${summed(by)} (rate(${samples(metric, where)}${WINDOW}))`;
}

/** How much a counter has grown in the time that is shown. */
export function grown(metric: string, { by = '', where = '' }: Cut = {}): string {
  return `${summed(by)} (increase(${samples(metric, where)}[$__range]))`;
}

/** Of gauges: the sum, or the largest. */
export function total(metric: string, { by = '', where = '' }: Cut = {}): string {
  return `${summed(by)} (${samples(metric, where)})`;
}

export function largest(metric: string, { by = '', where = '' }: Cut = {}): string {
  return `max${by === '' ? '' : ` by (${by})`} (${samples(metric, where)})`;
}

/** A quantile of a histogram, over all processes together or by labels. */
export function quantile(share: number, metric: string, { by = '', where = '' }: Cut = {}): string {
  const labels = by === '' ? 'le' : `le, ${by}`;
  return `histogram_quantile(${share}, sum by (${labels}) (rate(${samples(`${metric}_bucket`, where)}${WINDOW})))`;
}

interface Cut {
  /** Labels with commas between them. */
  by?: string;
  where?: string;
}

function summed(by: string): string {
  return by === '' ? 'sum' : `sum by (${by})`;
}
