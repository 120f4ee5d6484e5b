import { useId, useState } from 'preact/hooks';
import { clock } from '../state/format.ts';
import { SPAN_SECONDS, type Samples, sampled } from '../state/installation.ts';
import type { SeriesName } from '../state/samples.ts';
import { Chart } from './chart/chart.tsx';

const SPANS = [60, 120, 300, SPAN_SECONDS];

interface TrendProps {
  readonly title: string;
  /** What exactly is counted, in a few words. */
  readonly about: string;
  readonly samples: Samples;
  readonly series: readonly (readonly [name: SeriesName, label: string])[];
  readonly format: (value: number | null) => string;
  /** The large number: the newest value, or all of the span together. */
  readonly total?: boolean;
  /** The values are whole numbers. */
  readonly whole?: boolean;
}

/** A number that changes: its newest value, and its course. What is pointed at takes the place of the newest value. */
export function Trend({ title, about, samples, series, format, total = false, whole = false }: TrendProps) {
  const [pointed, setPointed] = useState<number | null>(null);
  // Read, so that each sample draws it again.
  void sampled.value;
  const { times } = samples;
  const at = pointed === null ? undefined : times[pointed];
  const shown = series.map(([name, label]) => {
    const values = samples.of(name);
    const newest = total ? sumOf(values) : (values.at(-1) ?? null);
    return { label, text: format(at === undefined || pointed === null ? newest : (values[pointed] ?? null)) };
  });
  const id = useId();
  return (
    <section class="card trend" aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        <p class="hint">{at === undefined ? about : `at ${clock(at * 1000, { fraction: false })}`}</p>
      </header>
      <div class="trend-values">
        {shown.map(({ label, text }, index) => (
          <p key={label} class="trend-value">
            <strong>{text}</strong>
            {series.length > 1 && <span class={`key line-${index + 1}`}>{label}</span>}
          </p>
        ))}
      </div>
      <Chart
        label={`${title}, the last ten minutes: ${shown.map(({ label, text }) => `${label} ${text}`).join(', ')}`}
        times={times}
        lines={series.map(([name]) => samples.of(name))}
        format={format}
        spanSeconds={spanOf(times)}
        whole={whole}
        onPoint={setPointed}
      />
    </section>
  );
}

/** What is shown grows with what is known: a few samples are not pressed against the edge. */
function spanOf(times: readonly number[]): number {
  const known = (times.at(-1) ?? 0) - (times[0] ?? 0);
  return SPANS.find((span) => known <= span) ?? SPAN_SECONDS;
}

function sumOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
}
