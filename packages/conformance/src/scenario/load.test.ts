import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { expand } from './expand.ts';
import { scenarioJsonSchema } from './json-schema.ts';
import { loadScenarios, readScenario } from './load.ts';

const SCHEMA = new URL('../../scenario.schema.json', import.meta.url);
const PROTOCOL = new URL('../../../../docs/protocol.md', import.meta.url);

const minimal = {
  promise: 'It connects.',
  section: '2',
  level: 'MUST',
  profile: 'core',
  steps: [{ accept: { resume: false } }],
};

describe('scenarios', () => {
  it('are what the schema says, and each has a promise of its own', () => {
    const scenarios = loadScenarios();
    expect(new Set(scenarios.map(({ promise }) => promise)).size).toBe(scenarios.length);
    expect(scenarios.length).toBeGreaterThan(40);
  });

  it('name sections that docs/protocol.md has', () => {
    const page = readFileSync(PROTOCOL, 'utf8');
    for (const { name, section } of loadScenarios()) {
      for (const each of section.split(', ')) {
        const [chapter = '', part] = each.split('.');
        const heading = new RegExp(`^#{2,3} ${part === undefined ? `${chapter}\\.` : `${chapter}\\.${part}`} `, 'm');
        const item = new RegExp(`^## ${chapter}\\. [\\s\\S]*?^${part}\\. `, 'm');
        expect(heading.test(page) || (part !== undefined && item.test(page)), `${name}: section ${each}`).toBe(true);
      }
    }
  });

  it('have the JSON Schema that their reader has', () => {
    expect(readFileSync(SCHEMA, 'utf8')).toBe(scenarioJsonSchema());
  });

  it('are refused with the file and the field that is wrong', () => {
    const misspelt = { ...minimal, steps: [{ accept: { resumes: true } }] };
    expect(() => readScenario('wrong', JSON.stringify(misspelt))).toThrow(/scenarios\/wrong\.json: .*steps/s);
    expect(() => readScenario('wrong', JSON.stringify({ ...minimal, profile: 'none' }))).toThrow(/profile/);
    expect(readScenario('right', JSON.stringify(minimal)).name).toBe('right');
  });

  it('may repeat a key and a text', () => {
    expect(expand({ a: { $repeat: { key: 't{n}', count: 2, value: { p: 1 } }, $with: { '@me': 0 } } })).toEqual({
      a: { t1: { p: 1 }, t2: { p: 1 }, '@me': 0 },
    });
    expect(expand([{ $text: { repeat: 'ab', times: 3 } }])).toEqual(['ababab']);
  });
});
