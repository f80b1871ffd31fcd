import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { IMPORT_TABLE } from './helpers/import-table.js';
import { lintPlanted } from './helpers/planted-lint.js';
import { parseModule, readSources, ROOT, type SourceModule } from './helpers/source-files.js';
import * as rules from './helpers/source-rules.js';

const SILENCER = ['oxlint', 'disable'].join('-');
const sources = readSources();

/** Each rule with a small project that breaks it, so that a rule that finds nothing any more is noticed. */
const RULES: readonly {
  readonly title: string;
  readonly rule: rules.SourceRule;
  readonly planted: Readonly<Record<string, string>>;
  readonly found: RegExp;
}[] = [
  {
    title: 'every source file stands in a folder of the import table',
    rule: rules.knownFolders,
    planted: { 'helpers/a.ts': '' },
    found: /^helpers\/a\.ts stands/,
  },
  {
    title: 'folders import each other only in the direction of the table',
    rule: rules.folderDirection,
    planted: { 'store/a.ts': "export * from '../engine/b.js';" },
    found: /^store\/a\.ts:1 must not import '\.\.\/engine\/b\.js'/,
  },
  {
    title: 'packages and Node builtins appear only where the table names them',
    rule: rules.packages,
    planted: { 'contracts/a.ts': "import { z } from 'zod';\nimport { readFile } from 'node:fs/promises';" },
    found: /^contracts\/a\.ts:2 must not import the Node builtin/,
  },
  {
    title: 'relative imports end in .js',
    rule: rules.jsEndings,
    planted: { 'store/a.ts': "import { b } from './b';" },
    found: /^store\/a\.ts:1 imports '\.\/b' without/,
  },
  {
    title: 'nothing that workflows reach brings zod or Node into their bundle',
    rule: rules.workflowReach,
    planted: {
      'workflows/a.ts': "import { id } from '../contracts/ids.js';",
      'contracts/ids.ts': "import { S } from './text.js';",
      'contracts/text.ts': "import { z } from 'zod';",
    },
    found: /^contracts\/text\.ts:1 is part of the workflow bundle and brings 'zod'/,
  },
  {
    title: 'no modules import each other in a circle',
    rule: rules.cycles,
    planted: {
      'store/a.ts': "import { b } from './b.js';",
      'store/b.ts': "import { c } from './c.js';\nimport type { A } from './a.js';",
      'store/c.ts': "import { a } from './a.js';",
    },
    found: /^store\/a\.ts → store\/b\.ts → store\/c\.ts → store\/a\.ts$/,
  },
  {
    title: 'nothing has the type any',
    rule: rules.noAny,
    planted: { 'api/a.ts': 'export const any = 1;\nexport const list: Map<string, any[]> = new Map();' },
    found: /^api\/a\.ts:2 uses/,
  },
  {
    title: 'no comment silences a check',
    rule: rules.noSilencers,
    planted: {
      'api/a.ts': `const s = '// ${SILENCER}';\nconst t = \`// ${SILENCER} \${s}// ${SILENCER}\`;\nfunction f() {\n  // ${SILENCER}\n}`,
    },
    found: /^api\/a\.ts:4 silences/,
  },
  {
    title: 'no code names a folder of one machine',
    rule: rules.noMachinePaths,
    planted: { 'api/a.ts': `export const a = ${JSON.stringify(path.join(ROOT, 'package.json'))};` },
    found: /^api\/a\.ts:1 names a folder of this machine/,
  },
  {
    title: 'no comment announces unfinished work',
    rule: rules.noUnfinished,
    planted: { 'api/a.ts': `export const a = 1; // ${'TO'}DO later` },
    found: /^api\/a\.ts:1 announces/,
  },
  {
    title: 'exports have names',
    rule: rules.namedExports,
    planted: { 'api/a.ts': 'export default function a() {}', 'some.config.ts': 'export default {};' },
    found: /^api\/a\.ts:1 has a default export/,
  },
  {
    title: 'only config/ reads the environment',
    rule: rules.environmentInConfig,
    planted: { 'store/a.ts': 'export const home = process.env.HOME;', 'config/a.ts': 'export const e = process.env;' },
    found: /^store\/a\.ts:1 reads/,
  },
  {
    title: 'only start files write to the console',
    rule: rules.noConsole,
    planted: { 'workers/start.ts': "console.log('up');", 'workers/deps.ts': "console.log('up');" },
    found: /^workers\/deps\.ts:1 writes/,
  },
  {
    title: 'no file is longer than 400 lines',
    rule: rules.fileSize,
    planted: { 'store/a.ts': '//\n'.repeat(401) },
    found: /^store\/a\.ts has 401 lines/,
  },
  {
    title: 'files are named in kebab-case',
    rule: rules.kebabCase,
    planted: { 'store/aB.ts': '' },
    found: /^store\/aB\.ts is not/,
  },
];

describe('the sources', () => {
  test.each(RULES)('$title', ({ rule }) => {
    expect(rule(sources)).toEqual([]);
  });

  test('are found at all', () => {
    expect(sources.map((module) => module.path)).toContain('contracts/skill.ts');
    expect(sources.flatMap((module) => module.imports).length).toBeGreaterThan(10);
  });
});

describe('a planted violation is found', () => {
  test.each(RULES)('$title', ({ rule, planted, found }) => {
    expect(rule(parse(planted))).toEqual([expect.stringMatching(found)]);
  });

  test('a type import is no way around a folder that is closed, and a value import none around types', () => {
    const modules = parse({
      'api/a.ts': "import type { A } from '../workers/a.js';\nimport { type B } from '../config/env.js';",
      'workflows/a.ts': "import type { A } from '../activities/index.js';\nimport { s } from '../contracts/space.js';",
    });
    expect(rules.folderDirection(modules)).toEqual([
      expect.stringMatching(/^api\/a\.ts:1 must not import/),
      expect.stringMatching(/^api\/a\.ts:2 may name config\/ in `import type` only/),
      expect.stringMatching(/^workflows\/a\.ts:2 may use only step, ids/),
    ]);
  });
});

describe('the linter holds the same table', () => {
  const folders = Object.keys(IMPORT_TABLE);
  const packages = ['zod', 'pg', 'fastify', 'yaml', '@temporalio/workflow', '@temporalio/client', '@anthropic-ai/sdk'];
  const builtins = ['node:fs', 'node:fs/promises'];
  const planted = new Map(folders.map((folder) => [folder, plantedImports(folder)]));
  const linted = lintPlanted(planted);

  function plantedImports(folder: string): string[] {
    const targets = folders.filter((other) => other !== folder);
    return [
      ...targets.map((other) => `import { value } from '../${other}/planted.js';`),
      ...targets.map((other) => `import type { T } from '../${other}/planted.js';`),
      ...[...packages, ...builtins].map((name) => `import { value } from '${name}';`),
    ].map((line, index) => line.replace('value', `value${index}`).replace('{ T }', `{ T${index} }`));
  }

  test.each(folders)('%s', (folder) => {
    const lines = planted.get(folder) ?? [];
    const modules = [parseModule(`${folder}/planted.ts`, lines.join('\n'))];
    const refused = [...rules.folderDirection(modules), ...rules.packages(modules)].map((failure) =>
      Number(/:(\d+) /.exec(failure)?.[1]),
    );
    expect(describeLines(lines, linted.get(folder) ?? [])).toEqual(describeLines(lines, refused));
  });
});

function describeLines(lines: readonly string[], numbers: readonly number[]): (string | undefined)[] {
  return [...new Set(numbers)].toSorted((a, b) => a - b).map((number) => lines[number - 1]);
}

function parse(files: Readonly<Record<string, string>>): SourceModule[] {
  return Object.entries(files).map(([file, text]) => parseModule(file, text));
}
