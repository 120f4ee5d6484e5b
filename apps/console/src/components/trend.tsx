import { useState } from 'preact/hooks';
import { clock } from '../state/format.ts';
import { SPAN_SECONDS, type Samples, sampled } from '../state/installation.ts';
import type { SeriesName } from '../state/samples.ts';
import { Card } from './card.tsx';
import { Chart } from './chart.tsx';

interface TrendProps {
  readonly title: string;
  /** What exactly is counted, in a few words. */
  readonly about: string;
  readonly samples: Samples;
  readonly series: readonly (readonly [name: SeriesName, label: string])[];
  readonly format: (value: number | null) => string;
  /** The large number: the newest value, or all of the span together. */
  readonly total?: boolean;
}

/** A number that changes: its newest value, and its course. What is pointed at takes the place of the newest value. */
export function Trend({ title, about, samples, series, format, total = false }: TrendProps) {
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
  return (
    <Card title={title} about={about}>
      <div class="trend-values">
        {shown.map(({ label, text }, index) => (
          <p key={label} class="trend-value">
            <strong>{text}</strong>
            {series.length > 1 && <span class={`key line-${index + 1}`}>{label}</span>}
          </p>
        ))}
        {at !== undefined && <span class="hint">at {clock(at * 1000, { fraction: false })}</span>}
      </div>
      <Chart
        label={`${title}, the last ten minutes: ${shown.map(({ label, text }) => `${label} ${text}`).join(', ')}`}
        times={times}
        lines={series.map(([name, label]) => ({ name: label, values: samples.of(name) }))}
        format={format}
        spanSeconds={SPAN_SECONDS}
        onPoint={setPointed}
      />
    </Card>
  );
}

function sumOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
}
