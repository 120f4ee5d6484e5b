import type { ComponentChildren } from 'preact';
import { boundsOf, patternOf, typeOf } from './bounds.ts';
import { type Document, type Schema, resolved } from './openapi.ts';
import { Prose } from './prose.tsx';

interface SchemaProps {
  readonly document: Document;
  readonly schema: Schema;
}

/** The fields of a schema, those within them below them. What is no object is one line. */
export function SchemaView({ document, schema: given }: SchemaProps) {
  const { schema } = resolved(document, given);
  const fields = fieldsOf(document, schema);
  if (fields !== null) return <Fields document={document} fields={fields.fields} required={fields.required} />;
  return (
    <div class="schema-one">
      <Facts document={document} schema={schema} />
      <Inner document={document} schema={schema} />
    </div>
  );
}

interface FieldsProps {
  readonly document: Document;
  readonly fields: readonly (readonly [name: string, schema: Schema])[];
  readonly required: readonly string[];
}

function Fields({ document, fields, required }: FieldsProps) {
  return (
    <ul class="schema">
      {fields.map(([name, given]) => {
        const { schema } = resolved(document, given);
        return (
          <li key={name}>
            <Named name={name} required={required.includes(name)}>
              <Facts document={document} schema={schema} />
            </Named>
            <Inner document={document} schema={schema} />
          </li>
        );
      })}
    </ul>
  );
}

interface NamedProps {
  readonly name: string;
  readonly required: boolean;
  readonly children: ComponentChildren;
}

/** A field or a parameter by its name, with what it is. */
export function Named({ name, required, children }: NamedProps) {
  return (
    <>
      <code class="field-name">{name}</code>
      {required && <span class="required">required</span>}
      {children}
    </>
  );
}

/** Type, bounds, pattern and meaning of a value. */
export function Facts({ document, schema }: SchemaProps) {
  const pattern = patternOf(schema);
  const branches = branchesOf(document, schema);
  const bounds = [...boundsOf(schema), ...branches.flatMap(boundsOf)];
  const about = schema.description ?? (schema.items && resolved(document, schema.items).schema.description);
  return (
    <>
      <span class="type">{typeOf(schema, (inner) => typeName(document, inner))}</span>
      {[...new Set(bounds)].map((bound) => (
        <span class="bound" key={bound}>
          {bound}
        </span>
      ))}
      {about !== undefined && (
        <p class="hint">
          <Prose text={about} />
        </p>
      )}
      {[...new Set([pattern, ...branches.map(patternOf), itemPattern(document, schema)])].map(
        (text) =>
          text !== null && (
            <p class="pattern" key={text}>
              pattern <code>{text}</code>
            </p>
          ),
      )}
    </>
  );
}

/** The fields of what a value holds: of an object, of the items of a list, of the forms that it may have. */
function Inner({ document, schema }: SchemaProps): ComponentChildren {
  const own = fieldsOf(document, schema);
  if (own !== null) return <Fields document={document} fields={own.fields} required={own.required} />;
  if (schema.items !== undefined) return <Inner document={document} schema={resolved(document, schema.items).schema} />;
  if (typeof schema.additionalProperties === 'object') {
    const { schema: value } = resolved(document, schema.additionalProperties);
    return <Fields document={document} fields={[['any name', value]]} required={[]} />;
  }
  return branchesOf(document, schema)
    .filter((branch) => branch.properties !== undefined || branch.items !== undefined)
    .map((branch, index) => <Inner key={index} document={document} schema={branch} />);
}

function fieldsOf(document: Document, schema: Schema): Omit<FieldsProps, 'document'> | null {
  const { properties, required = [] } = schema;
  if (properties !== undefined && Object.keys(properties).length > 0) {
    return { fields: Object.entries(properties), required };
  }
  // An object that may be null, or left out, is shown as what it is otherwise.
  const objects = branchesOf(document, schema).filter((branch) => branch.type !== 'null');
  const [only] = objects;
  return objects.length === 1 && only?.properties !== undefined ? fieldsOf(document, only) : null;
}

function branchesOf(document: Document, { anyOf, oneOf }: Schema): Schema[] {
  return (anyOf ?? oneOf ?? []).map((branch) => resolved(document, branch).schema);
}

/** In a type a reference stands for what it is. */
function typeName(document: Document, schema: Schema): string | null {
  if (schema.$ref === undefined) return null;
  return typeOf(resolved(document, schema).schema, (inner) => typeName(document, inner));
}

function itemPattern(document: Document, { items }: Schema): string | null {
  return items === undefined ? null : patternOf(resolved(document, items).schema);
}
