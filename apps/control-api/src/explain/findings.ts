import type { explainResponse } from '@holdfast/protocol/rest/explain';
import type { z } from 'zod';

export type Explanation = z.output<typeof explainResponse>;
type Source = Explanation['evidence'][number]['source'];

/** Gathers what a verdict rests on, in sentences for people. */
export class Findings {
  readonly #evidence: Explanation['evidence'] = [];

  /** @param at milliseconds since the epoch; null: it has no time */
  add(at: number | null, source: Source, text: string): void {
    this.#evidence.push({ at: at === null ? null : timeText(at), source, text });
  }

  verdict(verdict: Explanation['verdict']): Explanation {
    return { verdict, evidence: this.#evidence };
  }

  /** @param missing what could not be found out */
  unknown(source: Source, missing: string): Explanation {
    this.add(null, source, missing);
    return this.verdict('unknown');
  }
}

/** A time as people and programs read it; one that no clock can have, as a number. */
export function timeText(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? `${ms}` : date.toISOString();
}
