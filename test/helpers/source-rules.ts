import { existsSync } from 'node:fs';
import { builtinModules } from 'node:module';
import path from 'node:path';
import ts from 'typescript';
import { type FolderRule, IMPORT_TABLE, namesPackage } from './import-table.js';
import { commentsOf, lineOf, type ModuleImport, ROOT, type SourceModule, visit } from './source-files.js';

/** Every rule returns one readable line per violation: `file:line what is wrong`. */
export type SourceRule = (modules: readonly SourceModule[]) => string[];

const MAX_LINES = 400;
/** Where this checkout and whatever lies beside it is. */
const AROUND = path.join(ROOT, '..', '/');
const BUILTINS = new Set(builtinModules.map(bareBuiltin));
/** Folders whose code is not part of the running product. */
const TOOLING = new Set(['test', 'bench', 'scripts', '']);
const SILENCERS = /(oxlint|eslint)-disable|biome-ignore|@ts-(ignore|expect-error|nocheck)/;
const UNFINISHED = /\b(TODO|FIXME|XXX|HACK)\b/;
const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*$/;

export const knownFolders: SourceRule = (modules) =>
  modules
    .filter((module) => module.folder !== '' && IMPORT_TABLE[module.folder] === undefined)
    .map((module) => `${module.path} stands in a folder that the import table does not know`);

export const folderDirection: SourceRule = (modules) =>
  eachImport(modules, (module, item, rule) => {
    const target = resolveRelative(module, item);
    const folder = target?.split('/')[0];
    if (target === undefined || folder === undefined || folder === module.folder) return undefined;
    if (rule.types?.includes(folder)) {
      return item.typeOnly ? undefined : `may name ${folder}/ in \`import type\` only, but imports '${item.specifier}'`;
    }
    if (!rule.values.includes(folder))
      return `must not import '${item.specifier}': ${module.folder}/ stands apart from ${folder}/`;
    const allowed = rule.modules?.[folder];
    if (item.typeOnly || allowed === undefined || allowed.includes(moduleName(target, folder))) return undefined;
    return `may use only ${allowed.join(', ')} of ${folder}/ as values, but imports '${item.specifier}'`;
  });

export const packages: SourceRule = (modules) =>
  eachImport(modules, (module, item, rule) => {
    if (isRelative(item.specifier)) return undefined;
    if (isBuiltin(item.specifier)) {
      if (!item.specifier.startsWith('node:')) return `names the Node builtin '${item.specifier}' without node:`;
      return builtinAllowed(rule, item.specifier) ? undefined : `must not import the Node builtin '${item.specifier}'`;
    }
    const allowed =
      rule.packages === 'any'
        ? !namesPackage(rule.notPackages ?? [], item.specifier)
        : namesPackage(rule.packages, item.specifier);
    return allowed ? undefined : `must not import the package '${item.specifier}' in ${module.folder}/`;
  });

export const jsEndings: SourceRule = (modules) =>
  modules.flatMap((module) =>
    module.imports
      .filter((item) => isRelative(item.specifier) && !/\.(js|mjs|json)$/.test(item.specifier))
      .filter(() => !module.path.endsWith('.mjs'))
      .map((item) => at(module, item.line, `imports '${item.specifier}' without .js at the end`)),
  );

/** The workflow bundle is built from what workflows reach by value: nothing of it may bring zod, Node or I/O along. */
export const workflowReach: SourceRule = (modules) => {
  const byPath = new Map(modules.map((module) => [module.path, module]));
  const reached = new Set(modules.filter((module) => module.folder === 'workflows'));
  const failures: string[] = [];
  for (const module of reached) {
    for (const item of module.imports.filter((candidate) => !candidate.typeOnly)) {
      const target = byPath.get(resolveRelative(module, item) ?? '');
      if (target !== undefined) reached.add(target);
      else if (!isRelative(item.specifier) && !/^@temporalio\/(workflow|common)$/.test(item.specifier)) {
        failures.push(at(module, item.line, `is part of the workflow bundle and brings '${item.specifier}' into it`));
      }
    }
  }
  return failures;
};

export const cycles: SourceRule = (modules) => {
  const byPath = new Map(modules.map((module) => [module.path, module]));
  const done = new Set<string>();
  const failures: string[] = [];
  const walk = (file: string, trail: readonly string[]): void => {
    if (trail.includes(file)) {
      failures.push([...trail.slice(trail.indexOf(file)), file].join(' → '));
      return;
    }
    const module = byPath.get(file);
    if (module === undefined || done.has(file)) return;
    for (const next of valueTargets(module)) walk(next, [...trail, file]);
    done.add(file);
  };
  for (const module of modules) walk(module.path, []);
  return failures;
};

export const noAny: SourceRule = (modules) =>
  eachNode(modules, (node) => (node.kind === ts.SyntaxKind.AnyKeyword ? 'uses the type any' : undefined));

/** A path into the folder that this checkout stands in is there on this machine alone. */
export const noMachinePaths: SourceRule = (modules) =>
  eachNode(modules, (node) =>
    ts.isStringLiteralLike(node) && AROUND !== '/' && node.text.startsWith(AROUND) && existsSync(node.text)
      ? `names a folder of this machine: ${node.text}`
      : undefined,
  );

export const noSilencers: SourceRule = (modules) =>
  eachComment(modules, (text) => (SILENCERS.test(text) ? 'silences a check by a comment' : undefined));

export const noUnfinished: SourceRule = (modules) =>
  eachComment(modules, (text) => (UNFINISHED.test(text) ? 'announces unfinished work in a comment' : undefined));

export const namedExports: SourceRule = (modules) =>
  eachNode(
    modules.filter((module) => !module.path.endsWith('.config.ts')),
    (node) => (isDefaultExport(node) ? 'has a default export' : undefined),
  );

export const environmentInConfig: SourceRule = (modules) =>
  eachNode(
    modules.filter((module) => module.folder !== 'config' && !TOOLING.has(module.folder)),
    (node) => (readsEnvironment(node) ? 'reads the environment, which only config/ does' : undefined),
  );

export const noConsole: SourceRule = (modules) =>
  eachNode(
    modules.filter((module) => !TOOLING.has(module.folder) && !/^workers\/start[^/]*\.ts$/.test(module.path)),
    (node) =>
      ts.isPropertyAccessExpression(node) && node.expression.getText() === 'console'
        ? 'writes to the console'
        : undefined,
  );

export const fileSize: SourceRule = (modules) =>
  modules
    .map((module) => ({ module, lines: module.tree.text.trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > MAX_LINES)
    .map(({ module, lines }) => `${module.path} has ${lines} lines, more than ${MAX_LINES}`);

export const kebabCase: SourceRule = (modules) =>
  modules
    .filter((module) => !module.path.split('/').every((part) => KEBAB_CASE.test(part)))
    .map((module) => `${module.path} is not named in kebab-case`);

function eachImport(
  modules: readonly SourceModule[],
  check: (module: SourceModule, item: ModuleImport, rule: FolderRule) => string | undefined,
): string[] {
  return modules.flatMap((module) => {
    const rule = IMPORT_TABLE[module.folder];
    if (rule === undefined) return [];
    return module.imports.flatMap((item) => {
      const failure = check(module, item, rule);
      return failure === undefined ? [] : [at(module, item.line, failure)];
    });
  });
}

function eachNode(modules: readonly SourceModule[], check: (node: ts.Node) => string | undefined): string[] {
  return modules.flatMap((module) => {
    const failures: string[] = [];
    visit(module.tree, (node) => {
      const failure = check(node);
      if (failure !== undefined) failures.push(at(module, lineOf(module.tree, node.getStart(module.tree)), failure));
    });
    return failures;
  });
}

function eachComment(modules: readonly SourceModule[], check: (text: string) => string | undefined): string[] {
  return modules.flatMap((module) =>
    commentsOf(module.tree).flatMap(({ text, line }) => {
      const failure = check(text);
      return failure === undefined ? [] : [at(module, line, failure)];
    }),
  );
}

function valueTargets(module: SourceModule): string[] {
  return module.imports
    .filter((item) => !item.typeOnly)
    .map((item) => resolveRelative(module, item))
    .filter((target) => target !== undefined);
}

/** The source file a relative import means; undefined for packages. */
function resolveRelative(module: SourceModule, item: ModuleImport): string | undefined {
  if (!isRelative(item.specifier)) return undefined;
  return path.posix.join(path.posix.dirname(module.path), item.specifier).replace(/\.js$/, '.ts');
}

function moduleName(target: string, folder: string): string {
  return target.slice(folder.length + 1).replace(/\.ts$/, '');
}

function isRelative(specifier: string): boolean {
  return specifier.startsWith('.');
}

function isBuiltin(specifier: string): boolean {
  return specifier.startsWith('node:') || BUILTINS.has(specifier);
}

function bareBuiltin(name: string): string {
  return name.replace(/^node:/, '');
}

function builtinAllowed(rule: FolderRule, specifier: string): boolean {
  return typeof rule.builtins === 'boolean' ? rule.builtins : rule.builtins.includes(bareBuiltin(specifier));
}

function isDefaultExport(node: ts.Node): boolean {
  if (ts.isExportAssignment(node)) return true;
  if (ts.isExportSpecifier(node)) return node.name.text === 'default';
  if (!ts.canHaveModifiers(node)) return false;
  return ts.getModifiers(node)?.some((modifier) => modifier.kind === ts.SyntaxKind.DefaultKeyword) ?? false;
}

function readsEnvironment(node: ts.Node): boolean {
  if (ts.isPropertyAccessExpression(node)) return node.expression.getText() === 'process' && node.name.text === 'env';
  if (ts.isElementAccessExpression(node)) return node.getText().startsWith('process[');
  if (ts.isVariableDeclaration(node))
    return node.initializer?.getText() === 'process' && /\benv\b/.test(node.name.getText());
  if (!ts.isImportDeclaration(node)) return false;
  return node.moduleSpecifier.getText().includes('node:process') && /\benv\b/.test(node.importClause?.getText() ?? '');
}

function at(module: SourceModule, line: number, what: string): string {
  return `${module.path}:${line} ${what}`;
}
