import { homedir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';

const url = (example: string) => z.url({ protocol: /^https?$/, error: `must be a URL such as ${example}` }).optional();
const text = z.string().min(1).optional();

/** Every environment variable the product reads, with what a person is told when it is wrong. */
const EnvironmentSchema = z.object({
  PORT: z.coerce.number({ error: 'must be a port number' }).int().min(0).max(65_535).default(3000),
  RETINUE_HOST: z.string().min(1).default('127.0.0.1'),
  RETINUE_PUBLIC_URL: url('https://retinue.example'),
  RETINUE_HOME: z.string().min(1).default('.retinue'),
  RETINUE_CONFIG: text,
  RETINUE_TOKEN: z.string().min(16, 'must have at least 16 characters').optional(),
  RETINUE_SECRET_KEY: z
    .string()
    .min(32, 'must have at least 32 characters, for example from: openssl rand -base64 32')
    .optional(),
  RETINUE_LOG: z
    .enum(['debug', 'info', 'warn', 'error'], { error: 'must be debug, info, warn or error' })
    .default('warn'),
  TEMPORAL_ADDRESS: z
    .string()
    .regex(/^[^\s/]+:\d+$/, 'must be host:port, such as localhost:7233')
    .optional(),
  TEMPORAL_NAMESPACE: z.string().min(1).default('default'),
  TEMPORAL_API_KEY: text,
  TEMPORAL_TLS: z.enum(['true', 'false'], { error: 'must be true or false' }).optional(),
  TEMPORAL_UI_URL: url('http://localhost:8233'),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must be a PostgreSQL URL, such as postgres://user:password@host:5432/retinue')
    .optional(),
  ANTHROPIC_API_KEY: text,
  ANTHROPIC_BASE_URL: url('https://api.anthropic.com'),
  GOOGLE_CLIENT_ID: text,
  GOOGLE_CLIENT_SECRET: text,
  GOOGLE_API_ROOT: url('http://127.0.0.1:4000'),
  NOTION_TOKEN: text,
  NOTION_BASE_URL: url('http://127.0.0.1:4000'),
  TELEGRAM_BOT_TOKEN: text,
  TELEGRAM_API_ROOT: url('http://127.0.0.1:4000'),
  SLACK_BOT_TOKEN: text,
  SLACK_SIGNING_SECRET: text,
  SLACK_API_ROOT: url('http://127.0.0.1:4000'),
  TRANSCRIPTION_BASE_URL: url('http://127.0.0.1:4000'),
  TRANSCRIPTION_API_KEY: text,
  TRANSCRIPTION_MODEL: text,
  IMAGES_BASE_URL: url('http://127.0.0.1:4000'),
  IMAGES_API_KEY: text,
  IMAGES_MODEL: text,
  EMBEDDINGS_BASE_URL: url('http://127.0.0.1:4000'),
  EMBEDDINGS_API_KEY: text,
  EMBEDDINGS_MODEL: text,
});
export type Environment = z.infer<typeof EnvironmentSchema>;

/** Names of all variables, for the compose file's check and the manual. */
export const ENVIRONMENT_NAMES: readonly string[] = Object.keys(EnvironmentSchema.shape);

/** A setting that cannot be used; the message names it, says why, and what would be right. */
export class ConfigurationError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigurationError';
  }
}

/** Reads the environment once. An empty variable counts as unset. Throws `ConfigurationError` naming every wrong one. */
export function readEnvironment(source: NodeJS.ProcessEnv = process.env): Environment {
  const given = Object.fromEntries(
    Object.entries(source).filter(([name, value]) => ENVIRONMENT_NAMES.includes(name) && value !== ''),
  );
  const parsed = EnvironmentSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map((issue) => `  ${issue.path.join('.')} ${issue.message}`);
  throw new ConfigurationError(`The environment has values that cannot be used:\n${lines.join('\n')}`);
}

/** What child processes and the search for tools need of the environment. */
export function toolEnvironment(source: NodeJS.ProcessEnv = process.env): Record<string, string | undefined> {
  return { ...source };
}

/** Folders this installation uses. */
export function foldersOf(environment: Environment, cwd: string) {
  const home = path.resolve(cwd, environment.RETINUE_HOME);
  return {
    home,
    database: path.join(home, 'database'),
    blobs: path.join(home, 'files'),
    local: path.join(home, 'local'),
    journal: path.join(home, 'effects.journal'),
    workspaces: path.join(home, 'workspaces'),
    userHome: homedir(),
  };
}
export type Folders = ReturnType<typeof foldersOf>;
