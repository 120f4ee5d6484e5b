import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { clock } from '../state/format.ts';

export interface Line {
  readonly name: string;
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  /** For screen readers. */
  readonly label: string;
  /** Unix seconds. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number | null | undefined) => string;
  /** How much time is shown, in seconds; the newest at the end. */
  readonly spanSeconds: number;
  readonly height?: number;
}

const AXIS = 48;
const COLOURS = ['--line-1', '--line-2', '--line-3'];

/** Lines over time. It follows the size of its place, and the colours of the page. */
export function Chart({ label, times, lines, format, spanSeconds, height = 120 }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(format);
  latest.current = format;
  const names = lines.map(({ name }) => name).join('\n');

  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const make = (): void => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsOf(element, names.split('\n'), height, spanSeconds, latest), [[]], element);
      draw(plot.current, times, lines);
    };
    make();
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height }));
    resized.observe(element);
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', make);
    return () => {
      dark.removeEventListener('change', make);
      resized.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [names, height, spanSeconds]);

  useEffect(() => {
    if (plot.current !== null) draw(plot.current, times, lines);
  });

  return <div class="chart" ref={place} role="img" aria-label={label} />;
}

function draw(plot: uPlot, times: readonly number[], lines: readonly Line[]): void {
  plot.setData([[...times], ...lines.map(({ values }) => [...values])] as uPlot.AlignedData);
}

function optionsOf(
  element: HTMLElement,
  names: readonly string[],
  height: number,
  spanSeconds: number,
  format: { readonly current: ChartProps['format'] },
): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const axis: uPlot.Axis = {
    stroke: colour('--muted'),
    font: `11px ${style.fontFamily}`,
    grid: { stroke: colour('--grid'), width: 1 },
    ticks: { show: false },
    gap: 6,
  };
  return {
    width: element.clientWidth,
    height,
    padding: [8, 0, 0, 0],
    cursor: { y: false, points: { size: 5 } },
    legend: { live: true, markers: { show: names.length > 1 } },
    scales: {
      x: {
        time: true,
        range: (_plot, _from, to) => {
          const end = to ?? Date.now() / 1000;
          return [end - spanSeconds, end];
        },
      },
      y: { range: (_plot, _from, to) => [0, Math.max(1, (to ?? 0) * 1.15)] },
    },
    axes: [
      {
        ...axis,
        size: 24,
        space: 70,
        values: (_plot, at) => at.map((seconds) => clock(seconds * 1000, { fraction: false }).slice(0, 5)),
      },
      { ...axis, size: AXIS, space: 28, values: (_plot, at) => at.map((value) => format.current(value)) },
    ],
    series: [
      { value: (_plot, seconds) => (seconds === null ? '' : clock(seconds * 1000, { fraction: false })) },
      ...names.map((name, index): uPlot.Series => ({
        label: name,
        stroke: colour(COLOURS[index] ?? '--line-1'),
        fill: names.length === 1 ? colour('--line-fill') : '',
        width: 1.5,
        points: { show: false },
        value: (_plot, value) => format.current(value),
      })),
    ],
  };
}
