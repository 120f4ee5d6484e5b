import type { MeasureResult, Result } from '../result.ts';
import { readable, titleOf } from './table.ts';

const WIDTH = 760;
const NAME_WIDTH = 150;
const VALUE_WIDTH = 90;
const LINE = 20;
const BAR = 13;
const TITLE = 34;
const OURS = '#0b7285';
const THEIRS = '#adb5bd';

/** The result as an SVG: a chart of bars for every metric, ours in a colour of their own. */
export function pictureOf({ measures }: Result): string {
  const parts: string[] = [];
  let y = 0;
  for (const measure of measures) {
    for (const chart of chartsOf(measure)) {
      parts.push(`<text x="0" y="${y + 20}" font-weight="bold">${escaped(chart.title)}</text>`);
      y += TITLE;
      for (const bar of chart.bars) {
        parts.push(barOf(bar, chart.most, y));
        y += LINE;
      }
    }
  }
  const style = 'font-family="sans-serif" font-size="12"';
  const size = `width="${WIDTH}" height="${y + LINE}" viewBox="-10 0 ${WIDTH + 20} ${y + LINE}"`;
  const paper = `<rect x="-10" y="0" width="${WIDTH + 20}" height="${y + LINE}" fill="white"/>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} ${style}>\n${paper}\n${parts.join('\n')}\n</svg>\n`;
}

interface Bar {
  peer: string;
  value: number;
}

interface Chart {
  title: string;
  bars: Bar[];
  most: number;
}

function chartsOf({ title, metrics, rows }: MeasureResult): Chart[] {
  return metrics.flatMap((metric) => {
    const bars = rows.flatMap(({ peer, figures }) => {
      const value = figures[metric.id]?.median;
      return value === undefined ? [] : [{ peer, value }];
    });
    const most = Math.max(...bars.map(({ value }) => value));
    // A chart of zeroes shows nothing.
    if (bars.length === 0 || most <= 0) return [];
    return [{ title: `${title}: ${titleOf(metric)} (${metric.better} is better)`, bars, most }];
  });
}

function barOf({ peer, value }: Bar, most: number, y: number): string {
  const width = Math.max(1, (Math.max(0, value) / most) * (WIDTH - NAME_WIDTH - VALUE_WIDTH));
  const colour = peer.startsWith('holdfast') ? OURS : THEIRS;
  return [
    `<text x="${NAME_WIDTH - 8}" y="${y + 11}" text-anchor="end">${escaped(peer)}</text>`,
    `<rect x="${NAME_WIDTH}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" fill="${colour}"/>`,
    `<text x="${(NAME_WIDTH + width + 6).toFixed(1)}" y="${y + 11}">${readable(value)}</text>`,
  ].join('');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
