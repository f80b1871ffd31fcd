/** Who may import whom. The linter holds the same table; a test compares the two. */

export interface FolderRule {
  /** Our folders whose code may be imported. */
  readonly values: readonly string[];
  /** Our folders that may only appear in `import type`. */
  readonly types?: readonly string[];
  /** The only modules of a folder that may be imported as values, without extension. */
  readonly modules?: Readonly<Record<string, readonly string[]>>;
  /** Packages by name, `name/*` for everything below it; `any` for no limit. */
  readonly packages: readonly string[] | 'any';
  /** Packages that stay forbidden where `packages` is `any`. */
  readonly notPackages?: readonly string[];
  /** Node builtins: all, none, or these. */
  readonly builtins: boolean | readonly string[];
}

const SHIPPED = [
  'activities',
  'api',
  'config',
  'connectors',
  'contracts',
  'engine',
  'models',
  'skills',
  'spaces',
  'store',
  'times',
  'workflows',
] as const;

const EVERYTHING = [...SHIPPED, 'workers', 'web', 'bench', 'scripts', 'test'] as const;

export const IMPORT_TABLE: Readonly<Record<string, FolderRule>> = {
  contracts: { values: [], packages: ['zod'], builtins: false },
  config: { values: ['contracts'], packages: ['zod', 'yaml'], builtins: true },
  connectors: {
    values: ['contracts'],
    packages: 'any',
    notPackages: ['@temporalio/*', 'pg', 'kysely', '@electric-sql/*', 'fastify', '@fastify/*', 'fastify-plugin'],
    builtins: true,
  },
  times: { values: ['contracts'], packages: ['temporal-polyfill'], builtins: false },
  models: {
    values: ['contracts', 'times'],
    packages: ['@anthropic-ai/sdk', '@anthropic-ai/sdk/*', 'chrono-node', 'temporal-polyfill', 'zod'],
    builtins: true,
  },
  skills: {
    values: ['contracts', 'times'],
    types: ['connectors'],
    packages: ['zod', 'temporal-polyfill'],
    builtins: false,
  },
  store: {
    values: ['contracts'],
    packages: [
      'pg',
      'kysely',
      '@electric-sql/pglite',
      '@electric-sql/pglite/*',
      '@electric-sql/pglite-pgvector',
      '@electric-sql/pglite-socket',
    ],
    builtins: true,
  },
  spaces: { values: ['contracts', 'store'], packages: [], builtins: ['crypto'] },
  engine: {
    values: ['contracts', 'spaces', 'store', 'times'],
    packages: ['file-type', 'canonicalize'],
    builtins: ['crypto'],
  },
  activities: {
    values: ['contracts', 'engine', 'models', 'skills', 'spaces'],
    types: ['connectors', 'store'],
    packages: ['@temporalio/activity', '@temporalio/common', 'pino', 'temporal-polyfill'],
    builtins: false,
  },
  workflows: {
    values: ['contracts'],
    types: ['activities'],
    modules: { contracts: ['step', 'ids', 'effect-class', 'problem', 'model'] },
    packages: ['@temporalio/workflow', '@temporalio/common'],
    builtins: false,
  },
  api: {
    values: ['contracts', 'engine', 'spaces', 'times'],
    types: ['config'],
    packages: [
      'fastify',
      '@fastify/*',
      'fastify-plugin',
      'fastify-type-provider-zod',
      'zod',
      'openapi-types',
      'file-type',
      'pino',
      'prom-client',
    ],
    builtins: true,
  },
  workers: { values: SHIPPED, packages: 'any', builtins: true },
  web: { values: [], packages: 'any', builtins: true },
  bench: { values: EVERYTHING, packages: 'any', builtins: true },
  scripts: { values: EVERYTHING, packages: 'any', builtins: true },
  test: { values: EVERYTHING, packages: 'any', builtins: true },
};

/** Whether a package specifier is named by a list of names and `name/*` patterns. */
export function namesPackage(list: readonly string[], specifier: string): boolean {
  return list.some((entry) => (entry.endsWith('/*') ? specifier.startsWith(entry.slice(0, -1)) : specifier === entry));
}
