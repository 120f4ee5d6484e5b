const STEPS = [1, 2, 5, 10];
/** Of lines across the chart, above zero. */
const MOST_TICKS = 3;
/** Room above the highest value. */
const HEAD = 1.1;

export interface Scale {
  /** The value at the top. */
  readonly top: number;
  /** Round values from zero up. */
  readonly ticks: readonly number[];
}

/**
 * The scale for values from 0 to `highest`.
 * @param whole only whole numbers are ticks
 */
export function scaleTo(highest: number, { whole = false }: { readonly whole?: boolean } = {}): Scale {
  // Nothing happened, or hardly anything: noise is not to fill the chart.
  const top = Math.max(1, highest * HEAD);
  const power = 10 ** Math.floor(Math.log10(top / MOST_TICKS));
  const fitting = STEPS.find((factor) => top / (factor * power) <= MOST_TICKS) ?? 10;
  const step = whole ? Math.max(1, Math.round(fitting * power)) : fitting * power;
  const ticks = Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, index) => index * step);
  return { top, ticks };
}

/** Moments at whole multiples of `every` between two, in seconds. */
export function momentsBetween(from: number, to: number, every: number): number[] {
  const first = Math.ceil(from / every);
  const last = Math.floor(to / every);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => (first + index) * every);
}

/** The index of the time that is nearest; null when there is none. */
export function nearest(times: readonly number[], wanted: number): number | null {
  let best: number | null = null;
  for (const [index, time] of times.entries()) {
    if (best === null || Math.abs(time - wanted) < Math.abs((times[best] ?? 0) - wanted)) best = index;
  }
  return best;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** The pieces of a line: it is broken where a value is null. */
export function piecesOf(points: readonly (Point | null)[]): Point[][] {
  const pieces: Point[][] = [];
  let open = false;
  for (const point of points) {
    if (point !== null) {
      if (open) pieces.at(-1)?.push(point);
      else pieces.push([point]);
    }
    open = point !== null;
  }
  return pieces;
}

/** To a tenth of a pixel. */
function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** An SVG path through the points. A piece of one point is as wide as a pixel, so that it is seen. */
export function pathOf(pieces: readonly (readonly Point[])[]): string {
  return pieces
    .map((piece) => {
      const through = piece.map(({ x, y }) => `${round(x)} ${round(y)}`).join('L');
      return piece.length === 1 ? `M${through}h1` : `M${through}`;
    })
    .join('');
}
