import type { Schema } from './openapi.ts';

const numbers = new Intl.NumberFormat('en');
const number = (value: number): string => numbers.format(value);

/** What a value is, in a few words: `whole number`, `list of text`, `text or null`. */
export function typeOf(schema: Schema, nameOf: (schema: Schema) => string | null = () => null): string {
  const name = nameOf(schema);
  if (name !== null) return name;
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches !== undefined && branches.length > 0) {
    return [...new Set(branches.map((branch) => typeOf(branch, nameOf)))].join(' or ');
  }
  const types = [schema.type ?? []].flat();
  if (types.length === 0) return schema.enum === undefined && schema.const === undefined ? 'any JSON' : 'text';
  return types.map((type) => wordFor(type, schema, nameOf)).join(' or ');
}

function wordFor(type: string, schema: Schema, nameOf: (schema: Schema) => string | null): string {
  if (type === 'string') return schema.format === 'date-time' ? 'time (RFC 3339)' : 'text';
  if (type === 'integer') return 'whole number';
  if (type === 'boolean') return 'true or false';
  if (type === 'array') return schema.items === undefined ? 'list' : `list of ${typeOf(schema.items, nameOf)}`;
  return type;
}

/** What a value has to be within, each a phrase: `1 to 1,000`, `at most 200 characters`. */
export function boundsOf(schema: Schema): string[] {
  const { minimum, maximum, minLength, maxLength, minItems, maxItems } = schema;
  const values = schema.enum ?? (schema.const === undefined ? undefined : [schema.const]);
  // Zod writes the safe integers where no bound was set.
  const least = minimum === undefined || minimum === -Number.MAX_SAFE_INTEGER ? undefined : minimum;
  const most = maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  return [
    ...(values === undefined ? [] : [`one of ${values.map((value) => JSON.stringify(value)).join(', ')}`]),
    ...range(least, most, ''),
    ...range(minLength, maxLength, 'character'),
    ...range(minItems, maxItems, 'item'),
    ...(schema.default === undefined || isEmptyObject(schema.default)
      ? []
      : [`default ${JSON.stringify(schema.default)}`]),
  ];
}

/** Of an object whose fields have defaults of their own. */
function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}

/** The regular expression that a text must fit; null where its format says the same. */
export function patternOf({ pattern, format }: Schema): string | null {
  return format === undefined || format === 'uri' ? (pattern ?? null) : null;
}

function range(least: number | undefined, most: number | undefined, unit: string): string[] {
  const words = (count: number): string => {
    if (unit === '') return '';
    return count === 1 ? ` ${unit}` : ` ${unit}s`;
  };
  if (most === undefined)
    return least === undefined || (least === 0 && unit !== '') ? [] : [`at least ${number(least)}${words(least)}`];
  if (least === undefined || (least === 0 && unit !== '')) return [`at most ${number(most)}${words(most)}`];
  return [`${number(least)} to ${number(most)}${words(most)}`];
}
