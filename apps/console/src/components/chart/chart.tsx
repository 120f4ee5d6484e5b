import { useEffect, useRef, useState } from 'preact/hooks';
import { clock } from '../../state/format.ts';
import { momentsBetween, nearest, pathOf, piecesOf, scaleTo } from './scale.ts';

interface ChartProps {
  /** For screen readers: what is drawn, and its newest values. */
  readonly label: string;
  /** Unix seconds, rising. */
  readonly times: readonly number[];
  /** One list for each line; null is a gap. */
  readonly lines: readonly (readonly (number | null)[])[];
  /** Of the values at the axis. */
  readonly format: (value: number) => string;
  /** How much time is shown, in seconds; the newest at the end. */
  readonly spanSeconds: number;
  /** The values are whole numbers. */
  readonly whole?: boolean;
  /** Called with the index of the sample that is pointed at; null: none is. */
  readonly onPoint: (index: number | null) => void;
}

const HEIGHT = 108;
/** Of the axis at the left, and of that below. */
const AXIS = { width: 48, height: 20 };
const TOP = 6;
const BOTTOM = HEIGHT - AXIS.height;
/** Two labels need so many pixels. */
const LABEL_WIDTH = 70;
const LABELS_EVERY = [15, 30, 60, 120, 300];

/** Lines over time. It is as wide as its place. */
export function Chart(props: ChartProps) {
  const { label, times, lines, format, spanSeconds, whole = false, onPoint } = props;
  const [place, width] = useWidth();
  const [pointed, setPointed] = useState<number | null>(null);
  const end = times.at(-1) ?? Date.now() / 1000;
  const { top, ticks } = scaleTo(Math.max(0, ...lines.flat().map((value) => value ?? 0)), { whole });
  const x = (seconds: number): number => width - ((end - seconds) / spanSeconds) * (width - AXIS.width);
  const y = (value: number): number => BOTTOM - (value / top) * (BOTTOM - TOP);
  const every = LABELS_EVERY.find((step) => (spanSeconds / step) * LABEL_WIDTH < width - AXIS.width) ?? 300;
  const point = (index: number | null): void => {
    setPointed(index);
    onPoint(index);
  };
  const at = pointed === null ? undefined : times[pointed];
  return (
    <div class="chart" ref={place}>
      <svg
        viewBox={`0 0 ${width} ${HEIGHT}`}
        width={width}
        height={HEIGHT}
        role="img"
        aria-label={label}
        onPointerMove={({ currentTarget, clientX }) => {
          const share = (width - (clientX - currentTarget.getBoundingClientRect().left)) / (width - AXIS.width);
          point(nearest(times, end - share * spanSeconds));
        }}
        onPointerLeave={() => point(null)}
      >
        {ticks.map((value) => (
          <g key={value}>
            <path class="grid" d={`M${AXIS.width} ${y(value)}H${width}`} />
            <text x={AXIS.width - 8} y={y(value) + 4} text-anchor="end">
              {format(value)}
            </text>
          </g>
        ))}
        {momentsBetween(end - spanSeconds, end, every).map((seconds) => {
          const centre = x(seconds);
          return (
            centre > AXIS.width + LABEL_WIDTH / 3 &&
            centre < width - LABEL_WIDTH / 3 && (
              <text key={seconds} x={centre} y={HEIGHT - 4} text-anchor="middle">
                {clock(seconds * 1000, { fraction: false }).slice(0, every < 60 ? undefined : 5)}
              </text>
            )
          );
        })}
        {lines.map((values, index) => {
          const points = values.map((value, number) =>
            value === null ? null : { x: x(times[number] ?? end), y: y(value) },
          );
          const pieces = piecesOf(points);
          const marked = pointed === null ? null : points[pointed];
          return (
            <g key={index} class={`line line-${index + 1}`}>
              {lines.length === 1 && <path class="area" d={pieces.map((piece) => areaOf(piece)).join('')} />}
              <path class="stroke" d={pathOf(pieces)} />
              {marked && <circle cx={marked.x} cy={marked.y} r="3" />}
            </g>
          );
        })}
        {at !== undefined && <path class="pointed" d={`M${x(at)} ${TOP}V${BOTTOM}`} />}
      </svg>
    </div>
  );
}

function areaOf(piece: readonly { readonly x: number; readonly y: number }[]): string {
  return `${pathOf([piece])}V${BOTTOM}H${piece[0]?.x ?? 0}Z`;
}

/** The width of an element, kept up to date. */
function useWidth() {
  const element = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(300);
  useEffect(() => {
    const { current } = element;
    if (current === null) return undefined;
    const observer = new ResizeObserver(() => setWidth(Math.max(160, current.clientWidth)));
    observer.observe(current);
    return () => observer.disconnect();
  }, []);
  return [element, width] as const;
}
