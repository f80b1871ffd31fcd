import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { hasVendorSchemas } from '../helpers/vendor-schema.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PLACE = 'vendor-apis/openai/audio-transcriptions.openapi.json';

type Part = 'CreateTranscriptionRequest' | `CreateTranscriptionResponse${'Json' | 'VerboseJson'}` | 'ErrorResponse';

/** What is wrong with a value by the vendor's description; nothing where that is not there. */
export function schemaViolations(part: Part, value: unknown): string[] {
  const validate = validators()?.getSchema(`openai#/components/schemas/${part}`);
  if (validate === undefined || validate(value) === true) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${part} ${instancePath || '/'} ${message ?? ''} ${JSON.stringify(params)}`,
  );
}

let loaded: Ajv2020 | undefined;

function validators(): Ajv2020 | undefined {
  if (loaded !== undefined || !hasVendorSchemas()) return loaded;
  // The description has keywords of OpenAPI that say nothing about validity.
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  formats.default(ajv);
  const file = path.join(path.resolve(ROOT, process.env['RETINUE_SHARED'] ?? '../shared'), PLACE);
  ajv.addSchema(JSON.parse(readFileSync(file, 'utf8')) as object, 'openai');
  loaded = ajv;
  return loaded;
}
