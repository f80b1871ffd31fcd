import { z } from 'zod';

/** A JSON Schema (draft 2020-12) as plain data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const schemas = new WeakMap<object, JsonSchema>();

/**
 * The JSON Schema of what a caller may send, made once per manifest.
 * Throws where the input is not an object that refuses unknown fields.
 */
export function inputSchemaOf(manifest: { readonly name: string; readonly input: z.ZodType }): JsonSchema {
  const known = schemas.get(manifest.input);
  if (known !== undefined) return known;
  const schema: JsonSchema = z.toJSONSchema(manifest.input, {
    target: 'draft-2020-12',
    io: 'input',
    override: dropTimePattern,
  });
  if (schema['type'] !== 'object' || schema['additionalProperties'] !== false) {
    throw new Error(`The input of the skill ${manifest.name} must be an object without unknown fields.`);
  }
  schemas.set(manifest.input, schema);
  return schema;
}

/** `format` says it already; the patterns of dates are long and cost tokens in every model call. */
function dropTimePattern({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.format === 'date' || jsonSchema.format === 'date-time') delete jsonSchema.pattern;
}

/** Names of the fields that the object at this path may have; undefined where the schema does not say. */
export function allowedFields(schema: JsonSchema, path: readonly PropertyKey[]): string[] | undefined {
  let here: unknown = schema;
  for (const step of path)
    here = typeof step === 'number' ? member(here, 'items') : member(member(here, 'properties'), step);
  const properties = member(here, 'properties');
  return properties === undefined ? undefined : Object.keys(properties);
}

function member(value: unknown, key: PropertyKey): object | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const found: unknown = Reflect.get(value, key);
  return typeof found === 'object' && found !== null ? found : undefined;
}
