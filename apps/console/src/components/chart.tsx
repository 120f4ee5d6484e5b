import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { clock } from '../state/format.ts';

export interface Line {
  readonly name: string;
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  /** For screen readers: what is drawn, and its newest value. */
  readonly label: string;
  /** Unix seconds. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  /** Of the values at the axis. */
  readonly format: (value: number) => string;
  /** How much time is shown, in seconds; the newest at the end. */
  readonly spanSeconds: number;
  readonly height?: number;
  /** Called with the index of the sample that is pointed at; null: none is. */
  readonly onPoint?: (index: number | null) => void;
}

const AXIS = 44;
const COLOURS = ['--line-1', '--line-2', '--line-3'];

/** Lines over time. It follows the size of its place and the colours of the page. */
export function Chart(props: ChartProps) {
  const { label, times, lines, spanSeconds, height = 128 } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;

  useEffect(() => {
    const { current: element } = place;
    if (element === null) return undefined;
    const make = (): void => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsOf(element, latest, lines.length, height), [[]], element);
      draw(plot.current, latest.current);
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
  }, [lines.length, height, spanSeconds]);

  useEffect(() => {
    if (plot.current !== null) draw(plot.current, { times, lines });
  });

  return <div class="chart" ref={place} role="img" aria-label={label} />;
}

function draw(plot: uPlot, { times, lines }: Pick<ChartProps, 'times' | 'lines'>): void {
  plot.setData([[...times], ...lines.map(({ values }) => [...values])] as uPlot.AlignedData);
}

function optionsOf(
  element: HTMLElement,
  latest: { readonly current: ChartProps },
  count: number,
  height: number,
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
  const { spanSeconds } = latest.current;
  return {
    width: element.clientWidth,
    height,
    padding: [6, 2, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    legend: { show: false },
    scales: {
      x: {
        range: () => {
          const end = latest.current.times.at(-1) ?? Date.now() / 1000;
          return [end - spanSeconds, end];
        },
      },
      // Room above the line, and a scale that does not shrink to noise when nothing happens.
      y: { range: (_plot, _from, to) => [0, Math.max(1, (to ?? 0) * 1.2)] },
    },
    axes: [
      {
        ...axis,
        size: 22,
        space: 80,
        values: (_plot, at) => at.map((seconds) => clock(seconds * 1000, { fraction: false }).slice(0, 5)),
      },
      { ...axis, size: AXIS, space: 32, values: (_plot, at) => at.map((value) => latest.current.format(value)) },
    ],
    series: [
      {},
      ...COLOURS.slice(0, count).map((name): uPlot.Series => ({
        stroke: colour(name),
        width: 1.5,
        points: { show: false },
        ...(count === 1 ? { fill: colour('--line-fill') } : {}),
      })),
    ],
    hooks: {
      setCursor: [({ cursor: { idx } }) => latest.current.onPoint?.(idx ?? null)],
    },
  };
}
