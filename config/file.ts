import { existsSync, readFileSync } from 'node:fs';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { MoneySchema } from '../contracts/request.js';
import { TimeZoneSchema } from '../contracts/text.js';
import { ConfigurationError } from './env.js';
import { DEFAULT_INSTRUCTIONS } from './default-instructions.js';

const ModelNameSchema = z.string().min(1).max(200);
const RateSchema = z.union([z.number().min(0), z.string().regex(/^\d{1,6}(\.\d{1,6})?$/)]).transform(String);
const PriceSchema = z
  .strictObject({
    input: RateSchema,
    output: RateSchema,
    cacheRead: RateSchema.optional(),
    cacheWrite: RateSchema.optional(),
  })
  .describe('USD per million tokens');

function isWebAddress(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/** `retinue.yaml`: everything that is not a secret. Addresses stand in the environment, those of the web here. */
const FileSchema = z.strictObject({
  owner: z
    .strictObject({ name: z.string().min(1).max(200).default('Owner'), timeZone: TimeZoneSchema.optional() })
    .prefault({}),
  agents: z
    .record(
      z.string().regex(/^[\w-]{1,64}$/),
      z.strictObject({
        instructions: z.string().min(1).max(100_000).default(DEFAULT_INSTRUCTIONS),
        model: ModelNameSchema.optional(),
        skills: z.array(z.string()).max(200).optional(),
      }),
    )
    .default({}),
  models: z
    .strictObject({
      default: ModelNameSchema.default('smart'),
      tiers: z.strictObject({ fast: ModelNameSchema.optional(), smart: ModelNameSchema.optional() }).prefault({}),
      fallback: z.array(ModelNameSchema).max(10).default([]),
      prices: z.record(ModelNameSchema, PriceSchema).default({}),
      maxOutputTokens: z.int().min(256).max(128_000).default(8_192),
      contextTokens: z.int().min(4_000).max(1_000_000).default(150_000),
      timeoutSeconds: z.int().min(5).max(1_100).default(600),
      idleSeconds: z.int().min(1).max(600).default(90),
      parkedSeconds: z.int().min(1).max(3_600).default(60),
    })
    .prefault({}),
  limits: z
    .strictObject({
      turns: z.int().min(1).max(500).default(40),
      callsPerTurn: z.int().min(1).max(100).default(32),
      deadlineHours: z
        .number()
        .min(0.01)
        .max(24 * 90)
        .default(24 * 14),
      budgetUsd: MoneySchema.default('1'),
      conversationTail: z.int().min(0).max(100).default(20),
      approvalDays: z.number().min(0.01).max(90).default(7),
      audioMinutes: z.number().min(0.01).max(240).default(60),
      injectedTokens: z.int().min(0).max(50_000).default(2_000),
      subagents: z.int().min(1).max(1_000).default(3),
      subagentsInAll: z.int().min(1).max(10_000).default(12),
      depth: z.int().min(0).max(20).default(5),
      children: z.int().min(0).max(1_000).default(50),
      agents: z.int().min(1).max(10_000).default(200),
    })
    .prefault({}),
  temporal: z
    .strictObject({
      taskQueue: z
        .string()
        .regex(/^[\w.-]{1,100}$/)
        .optional(),
      historyEvents: z.int().min(10).max(4_000).default(800),
      cachedWorkflows: z.int().min(2).max(10_000).default(300),
    })
    .prefault({}),
  web: z
    .strictObject({
      searchUrl: z
        .string()
        .max(2_000)
        .refine(isWebAddress, 'must be an address such as http://127.0.0.1:8888')
        .optional(),
      allowedHosts: z
        .array(
          z
            .string()
            .regex(/^(?:[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i, 'must be a host or host:port'),
        )
        .max(200)
        .default([]),
    })
    .prefault({}),
  database: z.strictObject({ connections: z.int().min(2).max(200).default(10) }).prefault({}),
});
export type FileConfig = z.infer<typeof FileSchema>;

/**
 * Reads the file; one that is not there means all defaults, unless it was asked for by name. Throws
 * `ConfigurationError` with line and reason.
 */
export function readConfigFile(place: string, required: boolean): FileConfig {
  if (required && !existsSync(place))
    throw new ConfigurationError(`RETINUE_CONFIG names ${place}, and there is no such file.`);
  return parseConfig(existsSync(place) ? readFileSync(place, 'utf8') : '', place);
}

export function parseConfig(source: string, place: string): FileConfig {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines });
  const [broken] = document.errors;
  if (broken !== undefined)
    throw new ConfigurationError(
      `${place}, line ${lines.linePos(broken.pos[0]).line}: ${broken.message.split('\n')[0]}`,
    );
  const parsed = FileSchema.safeParse(document.toJS() ?? {});
  if (parsed.success) return parsed.data;
  const complaints = parsed.error.issues.map((issue) => {
    const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path;
    return `${place}, line ${lineOf(document, path, lines)}: ${path.join('.')}: ${issue.message}`;
  });
  throw new ConfigurationError(complaints.join('\n'));
}

/** Line of the value at a path, or of the nearest thing around it that is there. */
function lineOf(document: ReturnType<typeof parseDocument>, path: readonly PropertyKey[], lines: LineCounter): number {
  for (let length = path.length; length > 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true);
    if (typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range))
      return lines.linePos(Number(node.range[0])).line;
  }
  return 1;
}

/** JSON Schema of the file, for editors. */
export function configJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(FileSchema, { io: 'input' });
}
