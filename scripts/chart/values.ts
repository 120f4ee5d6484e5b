import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** The folder of the chart. */
export const CHART = new URL('../../deploy/helm/holdfast/', import.meta.url);

/** One value of the chart, or a group of them. */
export interface ChartValue {
  /** `socketEdge.image.tag`. */
  readonly path: string;
  /** The comment above it, in one line; empty: it has none. */
  readonly comment: string;
  /** As YAML gives it; undefined for a group. */
  readonly default: unknown;
}

/** `key:` with what stands behind it; two blanks a level. */
const KEY = /^( *)([A-Za-z]\w*):(?: (.*))?$/;
const INDENT = 2;

/**
 * All values of `values.yaml` in their order, groups before their members. What stands on one line, and each list, is a
 * value as a whole.
 */
export function chartValues(text = readFileSync(new URL('values.yaml', CHART), 'utf8')): ChartValue[] {
  const defaults: unknown = parse(text);
  const values: ChartValue[] = [];
  const parents: string[] = [];
  let comment: string[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const remark = /^ *# ?(.*)$/.exec(line);
    if (remark !== null) {
      comment.push(remark[1] ?? '');
      continue;
    }
    const [, blanks = '', key, rest = ''] = KEY.exec(line) ?? [];
    if (key !== undefined) {
      parents.length = blanks.length / INDENT;
      parents.push(key);
      const isGroup =
        rest === '' &&
        KEY.test(
          text
            .split('\n')
            .slice(index + 1)
            .find(isNoRemark) ?? '',
        );
      const value = isGroup ? undefined : at(defaults, parents);
      values.push({ path: parents.join('.'), comment: comment.join(' '), default: value });
    }
    comment = [];
  }
  return values;
}

function isNoRemark(line: string): boolean {
  return !/^ *(#.*)?$/.test(line);
}

function at(tree: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((node, key) => (node as Readonly<Record<string, unknown>> | undefined)?.[key], tree);
}
