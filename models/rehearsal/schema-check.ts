import { type JsonRecord, isRecord } from './json.js';

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  object: isRecord,
  array: Array.isArray,
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number' && Number.isFinite(value),
  integer: (value) => Number.isInteger(value),
  boolean: (value) => typeof value === 'boolean',
  null: (value) => value === null,
};

const MAX_DEPTH = 40;

interface Check {
  readonly root: JsonRecord;
  readonly problems: string[];
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function resolve(schema: unknown, root: JsonRecord): unknown {
  const ref = isRecord(schema) ? schema['$ref'] : undefined;
  if (typeof ref !== 'string' || !ref.startsWith('#')) return schema;
  return ref
    .split('/')
    .slice(1)
    .reduce<unknown>(
      (at, key) => (isRecord(at) ? at[key.replaceAll('~1', '/').replaceAll('~0', '~')] : undefined),
      root,
    );
}

function checkObject(schema: JsonRecord, value: JsonRecord, path: string, check: Check, depth: number): void {
  const properties = isRecord(schema['properties']) ? schema['properties'] : {};
  for (const name of list(schema['required'])) {
    if (typeof name === 'string' && value[name] === undefined) check.problems.push(`${path}${name} is missing`);
  }
  for (const [name, item] of Object.entries(value)) {
    if (Object.hasOwn(properties, name)) visit(properties[name], item, `${path}${name}`, check, depth);
    else if (schema['additionalProperties'] === false) check.problems.push(`${path}${name} is unknown`);
    else if (isRecord(schema['additionalProperties']))
      visit(schema['additionalProperties'], item, `${path}${name}`, check, depth);
  }
}

function checkSize(schema: JsonRecord, value: unknown, path: string, check: Check): void {
  const size =
    typeof value === 'number' ? value : typeof value === 'string' || Array.isArray(value) ? value.length : undefined;
  if (size === undefined) return;
  const kind =
    typeof value === 'number'
      ? ['minimum', 'maximum']
      : typeof value === 'string'
        ? ['minLength', 'maxLength']
        : ['minItems', 'maxItems'];
  const [least, most] = kind.map((keyword) => schema[keyword]);
  if (typeof least === 'number' && size < least) check.problems.push(`${path || 'input'} is too small`);
  if (typeof most === 'number' && size > most) check.problems.push(`${path || 'input'} is too large`);
}

function checkPattern(schema: JsonRecord, value: unknown, path: string, check: Check): void {
  if (typeof value !== 'string' || typeof schema['pattern'] !== 'string') return;
  try {
    if (!new RegExp(schema['pattern'], 'u').test(value)) check.problems.push(`${path} has the wrong form`);
  } catch {
    // A pattern this engine cannot read forbids nothing.
  }
}

function checkUnions(schema: JsonRecord, value: unknown, path: string, check: Check, depth: number): void {
  for (const part of list(schema['allOf'])) visit(part, value, path, check, depth);
  for (const keyword of ['anyOf', 'oneOf']) {
    const options = list(schema[keyword]);
    const fits = (option: unknown) => {
      const inner: Check = { root: check.root, problems: [] };
      visit(option, value, path, inner, depth);
      return inner.problems.length === 0;
    };
    if (options.length > 0 && !options.some(fits))
      check.problems.push(`${path || 'input'} fits none of the allowed forms`);
  }
}

function visit(unresolved: unknown, value: unknown, path: string, check: Check, depth: number): void {
  const schema = resolve(unresolved, check.root);
  if (!isRecord(schema) || depth > MAX_DEPTH) return;
  const types = typeof schema['type'] === 'string' ? [schema['type']] : list(schema['type']);
  if (types.length > 0 && !types.some((type) => typeof type === 'string' && (TYPES[type]?.(value) ?? true))) {
    check.problems.push(`${path || 'input'} is not of type ${types.join(' or ')}`);
    return;
  }
  if (Array.isArray(schema['enum']) && !schema['enum'].some((option) => same(option, value)))
    check.problems.push(`${path} is none of the allowed values`);
  if ('const' in schema && !same(schema['const'], value)) check.problems.push(`${path} is not the required value`);
  if (isRecord(value)) checkObject(schema, value, path === '' ? '' : `${path}.`, check, depth + 1);
  if (Array.isArray(value))
    value.forEach((item, index) => visit(schema['items'], item, `${path}[${index}]`, check, depth + 1));
  checkSize(schema, value, path, check);
  checkPattern(schema, value, path, check);
  checkUnions(schema, value, path, check, depth + 1);
}

/** What keeps `value` from fitting a JSON Schema; keywords it does not know forbid nothing. */
export function violationsOf(schema: JsonRecord, value: unknown): string[] {
  const check: Check = { root: schema, problems: [] };
  visit(schema, value, '', check, 0);
  return check.problems;
}
