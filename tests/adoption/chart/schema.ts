import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { valueAt } from './changes.ts';
import { CHART, type Values } from './helm.ts';

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly definitions?: Readonly<Record<string, Schema>>;
  readonly $ref?: string;
}

const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8')) as Schema;

/** Whether values that have all defaults are valid. */
export const isValid = new Ajv({ allErrors: true, strict: false }).compile<Values>(schema);

/**
 * The paths of all values that are declared, and of their groups; those of groups end with a dot. What the schema describes
 * further than the defaults go, such as `affinity`, is a value.
 */
export function schemaPaths(defaults: Values, part = schema, above: readonly string[] = []): string[] {
  const { properties = {} } =
    part.$ref === undefined ? part : (schema.definitions?.[part.$ref.split('/').at(-1) ?? ''] ?? {});
  const members = Object.entries(properties);
  const path = above.join('.');
  const isGroup = members.length > 0 && members.every(([key]) => valueAt(defaults, [...above, key]) !== undefined);
  if (!isGroup) return [path];
  const below = members.flatMap(([key, each]) => schemaPaths(defaults, each, [...above, key]));
  return path === '' ? below : [`${path}.`, ...below];
}
