import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
import { describe, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SCHEMAS = join(resolve(ROOT, process.env['RETINUE_SHARED'] ?? '../shared'), 'vendor-apis');
const EXTRA_KEYWORDS = ['x-endpoints', 'x-google-format', 'x-google-required-for', 'x-max-bytes'];

/** Checks a value against a definition of a vendor's schema and lists what is wrong; empty means valid. */
export type VendorValidator = (definition: string, value: unknown) => string[];

/** False where the folder with the vendors' schemas is not beside the repository and not named by `RETINUE_SHARED`. */
export function hasVendorSchemas(): boolean {
  return existsSync(SCHEMAS);
}

const loaded = new Map<string, VendorValidator>();

/** The validator of one schema file, such as `anthropic/messages-2026-10-21.schema.json`. */
export function vendorValidator(file: string): VendorValidator {
  const known = loaded.get(file);
  if (known) return known;
  const ajv = new Ajv({
    strict: true,
    allErrors: true,
    allowUnionTypes: true,
    strictTypes: false,
    strictRequired: false,
  });
  for (const keyword of EXTRA_KEYWORDS) ajv.addKeyword(keyword);
  formats.default(ajv);
  ajv.addSchema(JSON.parse(readFileSync(join(SCHEMAS, file), 'utf8')) as object, 'vendor');
  const validator: VendorValidator = (definition, value) =>
    violations(ajv.getSchema(`vendor#/definitions/${definition}`), definition, value);
  loaded.set(file, validator);
  return validator;
}

function violations(validate: ValidateFunction | undefined, definition: string, value: unknown): string[] {
  if (!validate) throw new Error(`the vendor schema has no definition ${definition}`);
  // What travels is JSON: undefined fields are not sent.
  if (validate(JSON.parse(JSON.stringify(value)) as unknown) === true) return [];
  return (validate.errors ?? []).map(
    (error) => `${error.instancePath || '/'} ${error.message ?? error.keyword} ${JSON.stringify(error.params)}`,
  );
}

/**
 * A group of tests that need the vendors' schemas. Without them the group is reported as not run,
 * or fails when `REQUIRE_ALL=1` asks for everything.
 */
export function describeWithVendorSchemas(name: string, body: () => void): void {
  if (hasVendorSchemas()) {
    describe(name, body);
    return;
  }
  const reason = 'not run: needs the vendor schemas';
  if (process.env['REQUIRE_ALL'] === '1') {
    describe(name, () => {
      it('has the vendor schemas', () => {
        throw new Error(`${reason} (looked in ${SCHEMAS})`);
      });
    });
    return;
  }
  console.warn(`${name}: ${reason} (looked in ${SCHEMAS})`);
  describe.skip(`${name} (${reason})`, body);
}
