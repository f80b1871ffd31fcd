import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';

/** Says what is wrong with a value by the vendor's definition of that name; empty means nothing is. */
export type VendorValidator = (definition: string, value: unknown) => string[];

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
const FOLDER = join(process.env['RETINUE_SHARED'] ?? join(REPOSITORY, '..', 'shared'), 'vendor-apis');

/** False where the vendors' schemas are not at hand; validators then report nothing. */
export const hasVendorSchemas = existsSync(FOLDER);

const MAX_ERRORS = 12;
const validators = new Map<string, VendorValidator>();

/**
 * A validator for one schema file below `vendor-apis/`, such as `anthropic/messages-2026-10-21.schema.json`.
 * The folder comes from `RETINUE_SHARED`, or is `shared` beside the repository. Asking for an unknown definition throws.
 */
export function vendorValidator(file: string): VendorValidator {
  if (!hasVendorSchemas) return () => [];
  const validator = validators.get(file) ?? loadValidator(file);
  validators.set(file, validator);
  return validator;
}

function loadValidator(file: string): VendorValidator {
  const ajv = new Ajv({
    strict: true,
    allowUnionTypes: true,
    strictTypes: false,
    strictRequired: false,
    allErrors: true,
  });
  for (const keyword of ['x-endpoints', 'x-google-format', 'x-google-required-for', 'x-max-bytes'])
    ajv.addKeyword(keyword);
  formats.default(ajv);
  ajv.addSchema(JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as object, 'vendor');
  return (definition, value) => {
    const validate = compiled(ajv, definition);
    return validate(value) ? [] : readable(validate.errors ?? []);
  };
}

function compiled(ajv: Ajv, definition: string): ValidateFunction {
  const validate = ajv.getSchema(`vendor#/definitions/${definition}`);
  if (validate === undefined) throw new Error(`The vendor's schema has no definition "${definition}".`);
  return validate;
}

/** The deepest errors first: in a union they come from the member that was meant. */
function readable(errors: readonly ErrorObject[]): string[] {
  const byDepth = [...errors].sort((a, b) => depth(b) - depth(a));
  const texts = byDepth.map(
    (error) => `${error.instancePath || '/'} ${error.message ?? error.keyword}${detail(error)}`,
  );
  return [...new Set(texts)].slice(0, MAX_ERRORS);
}

function depth(error: ErrorObject): number {
  return error.instancePath.split('/').length;
}

function detail(error: ErrorObject): string {
  const params: Readonly<Record<string, unknown>> = error.params;
  const property = params['additionalProperty'];
  return typeof property === 'string' ? ` "${property}"` : '';
}
