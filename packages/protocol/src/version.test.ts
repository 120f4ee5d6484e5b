import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import * as down from './down.ts';
import { problem } from './problems.ts';
import * as up from './up.ts';
import { PROTOCOL_FINGERPRINT, PROTOCOL_VERSION, SUBPROTOCOL } from './version.ts';

const DIGITS = 16;
const CHANGED = `The frames or bodies have changed. If a client or an edge of the previous version would misread what it gets
now, or is refused what it sends, raise PROTOCOL_VERSION in version.ts and say so in docs/protocol.md and CHANGELOG.md.
If it would not notice (an optional field in an answer, a description), the version stays. In both cases put the new
fingerprint into version.ts`;

function schemasOf(module: object): [string, z.ZodType][] {
  return Object.entries(module).filter((entry): entry is [string, z.ZodType] => entry[1] instanceof z.ZodType);
}

/** Every schema that the files of rest/ export, whatever their names: a new file needs no line here. */
async function restSchemas(): Promise<[string, z.ZodType][]> {
  const directory = new URL('./rest/', import.meta.url);
  const files = (await readdir(directory)).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
  const modules = await Promise.all(files.map((file) => import(new URL(file, directory).href) as Promise<object>));
  return modules.flatMap(schemasOf);
}

function isFrame(schema: z.ZodType): boolean {
  return schema instanceof z.ZodObject && 'type' in schema.shape;
}

const bodies = await restSchemas();

describe('the protocol version', () => {
  test('stands for these frames and bodies', () => {
    const all = Object.entries<z.ZodType>({
      ...Object.fromEntries(bodies),
      problem,
      upFrame: up.upFrame,
      downFrame: down.downFrame,
    }).toSorted(([a], [b]) => (a < b ? -1 : 1));
    // `input`: what stands on the wire, before names are made small or lists are made of strings.
    const text = JSON.stringify(all.map(([name, schema]) => [name, z.toJSONSchema(schema, { io: 'input' })]));
    const fingerprint = createHash('sha256').update(text).digest('hex').slice(0, DIGITS);
    expect(fingerprint === PROTOCOL_FINGERPRINT ? 'as pinned' : `${CHANGED}: ${fingerprint}`).toBe('as pinned');
  });

  test('covers every body: no two of them share a name, under which only one would count', () => {
    const names = bodies.map(([name]) => name);
    expect(names.length).toBeGreaterThan(0);
    expect(names.toSorted()).toEqual([...new Set(names)].toSorted());
  });

  test.each([
    ['down', down, down.downFrame],
    ['up', up, up.upFrame],
  ] as const)('covers every frame of %s.ts: each stands in its union', (_, module, union) => {
    const frames = schemasOf(module).filter(([, schema]) => isFrame(schema));
    expect(new Set(frames.map(([, schema]) => schema))).toEqual(new Set<z.ZodType>(union.options));
    expect(frames).toHaveLength(union.options.length);
  });

  test('is the one that the subprotocol names', () => {
    expect(SUBPROTOCOL).toBe(`holdfast.v${PROTOCOL_VERSION}`);
  });
});
