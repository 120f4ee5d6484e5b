import { describe, expect, it } from 'vitest';
import { chartValues } from './values.ts';

/** Their names say all of it. */
const PLAIN =
  /(^|\.)(annotations|labels|podAnnotations|podLabels|className|hosts|hostnames|enabled|create|repository|pullPolicy|replicas|interval|port|size|(min|max)Replicas|targetCpuPercent|requests|limits|affinity|nodeSelector|tolerations|priorityClassName|extraVolumes|extraVolumeMounts|timeouts|paths|redisPorts)$|SecurityContext\./;

describe('the values of the chart', () => {
  it('are read with their comments, groups before their members', () => {
    const text = '# A page.\n\n# A group.\ngroup:\n  # First.\n  # Second.\n  a: 1\n  b:\n    - { c: 2 }\nalone: {}\n';
    expect(chartValues(text)).toEqual([
      { path: 'group', comment: 'A group.', default: undefined },
      { path: 'group.a', comment: 'First. Second.', default: 1 },
      { path: 'group.b', comment: '', default: [{ c: 2 }] },
      { path: 'alone', comment: '', default: {} },
    ]);
  });

  it('are explained, but for those whose names say it', () => {
    const unexplained = chartValues().filter((value) => value.default !== undefined && value.comment === '');
    expect(unexplained.map(({ path }) => path).filter((path) => !PLAIN.test(path))).toEqual([]);
  });
});
