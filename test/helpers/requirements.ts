import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import type { Requirement } from '../requirements.js';
import { ROOT, type SourceModule, visit } from './source-files.js';

const TEST_FUNCTIONS = new Set(['test', 'it', 'describe']);
/** A test that does not run shows nothing. */
const IDLE_MODIFIERS = new Set(['skip', 'todo', 'fails']);
const CITATION = /\[((?:S\d-\d{2})(?:[ ,]+S\d-\d{2})*)\]/g;

/** One id in the title of one test: `test('… [S0-18, S4-39]', …)`. */
export interface Citation {
  readonly id: string;
  /** Relative to `test/`. */
  readonly file: string;
}

/** The seed scenarios' ids, or undefined where that file is not at hand. */
export function readScenarioIds(): string[] | undefined {
  const folder = process.env.RETINUE_SHARED ?? path.join(ROOT, '..', 'shared');
  const file = path.join(folder, 'data', 'seed-scenarios.json');
  if (!existsSync(file)) return undefined;
  const { scenarios } = JSON.parse(readFileSync(file, 'utf8')) as { scenarios: { id: string }[] };
  return scenarios.map(({ id }) => id);
}

/** Every id that a running test cites in its own title or in that of a `describe` around it. */
export function citationsIn(modules: readonly SourceModule[]): Citation[] {
  return modules
    .filter((module) => module.folder === 'test' && module.path.endsWith('.test.ts'))
    .flatMap((module) => citedIds(module.tree).map((id) => ({ id, file: module.path.slice('test/'.length) })));
}

/** What is wrong between the promises and the tests that show them, one line each. */
export function coverageGaps(requirements: readonly Requirement[], citations: readonly Citation[]): string[] {
  const known = new Set(requirements.map(({ id }) => id));
  const strangers = citations.filter(({ id }) => !known.has(id));
  return [
    ...repeated(requirements.map(({ id }) => id)).map((id) => `${id} stands in the list twice`),
    ...strangers.map(({ id, file }) => `${file} cites ${id}, which is no requirement`),
    ...requirements.flatMap((requirement) => gapsOf(requirement, citingFiles(requirement.id, citations))),
  ];
}

function gapsOf(requirement: Requirement, citing: readonly string[]): string[] {
  const { id } = requirement;
  if (requirement.state === 'open') {
    const empty = requirement.reason.trim() === '' ? [`${id} is open without a reason`] : [];
    return [...empty, ...citing.map((file) => `${id} is open, but ${file} cites it`)];
  }
  if (citing.length === 0) return [`${id} is covered, but no running test cites it`];
  return [
    ...requirement.by
      .filter((file) => !citing.includes(file))
      .map((file) => `${id} names ${file}, which does not cite it`),
    ...citing
      .filter((file) => !requirement.by.includes(file))
      .map((file) => `${id} does not name ${file}, which cites it`),
  ];
}

function citingFiles(id: string, citations: readonly Citation[]): string[] {
  return [...new Set(citations.filter((citation) => citation.id === id).map(({ file }) => file))];
}

function repeated(ids: readonly string[]): string[] {
  return ids.filter((id, index) => ids.indexOf(id) !== index);
}

function citedIds(tree: ts.SourceFile): string[] {
  const found: string[] = [];
  visit(tree, (node) => {
    if (!ts.isCallExpression(node) || !isRunningTest(node) || isInsideIdle(node)) return;
    for (const [, ids = ''] of titleOf(node).matchAll(CITATION)) found.push(...ids.split(/[ ,]+/));
  });
  return found;
}

/** `test(…)`, `test.each(…)(…)`, `describe.sequential(…)` and so on, down to the name they start with. */
function calledNames(call: ts.CallExpression): string[] {
  const names: string[] = [];
  let callee: ts.Expression = call;
  while (
    ts.isCallExpression(callee) ||
    ts.isPropertyAccessExpression(callee) ||
    ts.isTaggedTemplateExpression(callee)
  ) {
    if (ts.isPropertyAccessExpression(callee)) names.push(callee.name.text);
    callee = ts.isTaggedTemplateExpression(callee) ? callee.tag : callee.expression;
  }
  if (ts.isIdentifier(callee)) names.push(callee.text);
  return names;
}

function isTest(call: ts.CallExpression): boolean {
  return TEST_FUNCTIONS.has(calledNames(call).at(-1) ?? '');
}

function isIdle(call: ts.CallExpression): boolean {
  return calledNames(call).some((name) => IDLE_MODIFIERS.has(name));
}

function isRunningTest(call: ts.CallExpression): boolean {
  return isTest(call) && !isIdle(call);
}

function isInsideIdle(node: ts.Node): boolean {
  for (let parent = node.parent; parent !== undefined; parent = parent.parent) {
    if (ts.isCallExpression(parent) && isTest(parent) && isIdle(parent)) return true;
  }
  return false;
}

function titleOf(call: ts.CallExpression): string {
  const [title] = call.arguments;
  if (title === undefined) return '';
  if (ts.isStringLiteralLike(title)) return title.text;
  if (ts.isTemplateExpression(title))
    return [title.head, ...title.templateSpans.map(({ literal }) => literal)].map(({ text }) => text).join('');
  return '';
}
