import ts from 'typescript-6';

/** zod's type of any JSON value, the one that refers to itself. */
const ZOD_JSON = 'JSONType';
const JSON_TYPE = 'type Json = string | number | boolean | null | Json[] | { [key: string]: Json };';

/** A shorter text says as much as a name. */
const MIN_NAMED_LENGTH = 25;
const PROPERTY_NAME = /^[A-Za-z_$][\w$]*$/;

/** Types, and schemas as what they give, written out without the modules that they come from. */
export class PlainDeclarations {
  readonly #types = new Map<string, string>();
  readonly #schemas = new Map<string, string>();

  /** Raises an Error for what is neither. `place` is a node of the module. */
  add(checker: ts.TypeChecker, symbol: ts.Symbol, place: ts.Node): void {
    if ((symbol.flags & ts.SymbolFlags.Type) !== 0) {
      this.#types.set(symbol.name, plainType(checker, checker.getDeclaredTypeOfSymbol(symbol)));
      return;
    }
    const output = checker.getTypeOfSymbol(symbol).getProperty('_output');
    if (output === undefined) throw new Error(`${symbol.name} is neither a type nor a schema`);
    this.#schemas.set(symbol.name, plainType(checker, checker.getTypeOfSymbolAtLocation(output, place)));
  }

  text(): string {
    const types = Array.from(this.#types, ([name, text]) => `export type ${name} = ${this.#named(text, name)};`);
    const schemas = Array.from(
      this.#schemas,
      ([name, text]) => `export declare const ${name}: { _output: ${this.#named(text)} };`,
    );
    return [JSON_TYPE, ...types, ...schemas].join('\n');
  }

  /** What has a name is referred to by it. */
  #named(text: string, own?: string): string {
    return [...this.#types]
      .filter(([name, part]) => name !== own && part.length >= MIN_NAMED_LENGTH && part !== text)
      .toSorted(([, a], [, b]) => b.length - a.length)
      .reduce((whole, [name, part]) => whole.replaceAll(part, name), text);
  }
}

/**
 * Writes a type out as text that refers to no other declaration but `Json`: what a schema gives, without the schema.
 * Raises an Error for a type that is no data.
 */
function plainType(checker: ts.TypeChecker, type: ts.Type): string {
  if (type.aliasSymbol?.name === ZOD_JSON) return 'Json';
  if (type.isUnion()) return unionOf(checker, type);
  if (type.isIntersection()) return type.types.map((part) => plainType(checker, part)).join(' & ');
  if ((type.flags & ts.TypeFlags.Object) === 0) return checker.typeToString(type);
  if (checker.isArrayType(type)) {
    const [element] = checker.getTypeArguments(type as ts.TypeReference);
    if (element === undefined) throw new Error('an array without a type of its elements');
    const readonly = type.symbol.name === 'ReadonlyArray' ? 'readonly ' : '';
    const text = plainType(checker, element);
    return /[|&]/.test(text) && !text.startsWith('{') ? `${readonly}(${text})[]` : `${readonly}${text}[]`;
  }
  return objectOf(checker, type);
}

/** `boolean` is a union of its two values; so is what holds it. */
function unionOf(checker: ts.TypeChecker, type: ts.UnionType): string {
  const whole = type.types.filter(isBoolean).length === 2;
  const rest = whole ? type.types.filter((part) => !isBoolean(part)) : type.types;
  const texts = rest.map((part) => plainType(checker, part));
  return [...texts, ...(whole ? ['boolean'] : [])].join(' | ');
}

function isBoolean(part: ts.Type): boolean {
  return (part.flags & ts.TypeFlags.BooleanLiteral) !== 0;
}

function objectOf(checker: ts.TypeChecker, type: ts.Type): string {
  if (type.getCallSignatures().length > 0 || type.isClass()) {
    throw new Error(`${checker.typeToString(type)} is no data`);
  }
  const indexes = checker
    .getIndexInfosOfType(type)
    .map((index) => `[key: ${checker.typeToString(index.keyType)}]: ${plainType(checker, index.type)};`);
  const properties = checker.getPropertiesOfType(type).map((property) => {
    const isOptional = (property.flags & ts.SymbolFlags.Optional) !== 0;
    const text = plainType(checker, checker.getTypeOfSymbol(property));
    const name = PROPERTY_NAME.test(property.name) ? property.name : JSON.stringify(property.name);
    const { declarations: [declaration] = [] } = property;
    const isReadonly =
      declaration !== undefined && (ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Readonly) !== 0;
    return `${isReadonly ? 'readonly ' : ''}${name}${isOptional ? '?' : ''}: ${text};`;
  });
  const members = [...indexes, ...properties];
  return members.length === 0 ? '{}' : `{ ${members.join(' ')} }`;
}
