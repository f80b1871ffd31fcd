import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** The repository's root folder. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const SOURCE = /\.(ts|tsx|mts|mjs)$/;
const SKIPPED = new Set(['node_modules', 'dist', 'coverage']);

export interface ModuleImport {
  readonly specifier: string;
  /** Erased by the compiler: `import type`, `export type`, or `import('…')` in a type. */
  readonly typeOnly: boolean;
  readonly line: number;
}

/** One parsed source file; paths are relative to the root, with `/`. */
export interface SourceModule {
  readonly path: string;
  readonly folder: string;
  readonly tree: ts.SourceFile;
  readonly imports: readonly ModuleImport[];
}

/** Every source file of the repository outside build output. */
export function readSources(root: string = ROOT): SourceModule[] {
  return listFiles(root, '').map((file) => parseModule(file, readFileSync(path.join(root, file), 'utf8')));
}

/** Parses one file as if it stood at that path. */
export function parseModule(file: string, text: string): SourceModule {
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true);
  const folder = file.includes('/') ? file.slice(0, file.indexOf('/')) : '';
  return { path: file, folder, tree, imports: importsOf(tree) };
}

/** One-based line of a position in a file. */
export function lineOf(tree: ts.SourceFile, position: number): number {
  return tree.getLineAndCharacterOfPosition(position).line + 1;
}

/** Calls back with every node below and including the given one. */
export function visit(node: ts.Node, callback: (node: ts.Node) => void): void {
  callback(node);
  ts.forEachChild(node, (child) => visit(child, callback));
}

/** The text of every comment, wherever it stands. */
export function commentsOf(tree: ts.SourceFile): { text: string; line: number }[] {
  const found = new Map<number, { text: string; line: number }>();
  const collect = (node: ts.Node): void => {
    if (ts.isJsxText(node)) return;
    const ranges = [
      ...(ts.getLeadingCommentRanges(tree.text, node.getFullStart()) ?? []),
      ...(ts.getTrailingCommentRanges(tree.text, node.getEnd()) ?? []),
    ];
    for (const { pos, end } of ranges) found.set(pos, { text: tree.text.slice(pos, end), line: lineOf(tree, pos) });
    for (const child of node.getChildren(tree)) collect(child);
  };
  collect(tree);
  return [...found.values()];
}

function listFiles(root: string, folder: string): string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (entry.name.startsWith('.') || SKIPPED.has(entry.name)) return [];
    const file = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return listFiles(root, file);
    return SOURCE.test(entry.name) ? [file] : [];
  });
}

function importsOf(tree: ts.SourceFile): ModuleImport[] {
  const found: ModuleImport[] = [];
  visit(tree, (node) => {
    const target = importTarget(node);
    if (target !== undefined) found.push({ ...target, line: lineOf(tree, node.getStart(tree)) });
  });
  return found;
}

function importTarget(node: ts.Node): Omit<ModuleImport, 'line'> | undefined {
  if (ts.isImportDeclaration(node)) {
    return target(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
  }
  if (ts.isExportDeclaration(node)) return target(node.moduleSpecifier, node.isTypeOnly);
  if (ts.isImportTypeNode(node)) {
    return target(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, true);
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return target(node.arguments[0], false);
  }
  return undefined;
}

function target(specifier: ts.Node | undefined, typeOnly: boolean): Omit<ModuleImport, 'line'> | undefined {
  if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return undefined;
  return { specifier: specifier.text, typeOnly };
}
