import type { z } from 'zod';
import type { Skill } from '../contracts/skill.js';
import { cutText } from '../contracts/text.js';
import { allowedFields, inputSchemaOf, type JsonSchema } from './input-schema.js';

const MAX_PROBLEMS = 10;
const PROBLEM_BYTES = 300;

/**
 * `input` carries the type that the skill's own `run`, `classify` and `summary` take: the registry forgot which it is,
 * but it has just been checked by this skill's schema.
 */
export type ParsedInput =
  | { readonly ok: true; readonly input: never }
  | { readonly ok: false; readonly message: string };

/** Checks what a model sent for a call; the message is written for the model, one `path: problem` per line. */
export function parseInput(skill: Skill, raw: unknown): ParsedInput {
  const parsed: z.ZodSafeParseResult<unknown> = skill.manifest.input.safeParse(raw, { reportInput: true });
  if (parsed.success) return { ok: true, input: parsed.data as never };
  const schema = inputSchemaOf(skill.manifest);
  const problems = parsed.error.issues.flatMap((issue) => sentences(issue, schema));
  const hidden = problems.length - MAX_PROBLEMS;
  const shown = problems.slice(0, MAX_PROBLEMS).map((problem) => cutText(problem, PROBLEM_BYTES));
  return { ok: false, message: [...shown, ...(hidden > 0 ? [`and ${hidden} more problems`] : [])].join('\n') };
}

function sentences(issue: z.core.$ZodIssue, schema: JsonSchema): string[] {
  if (issue.code !== 'unrecognized_keys') return [`${pathText(issue.path)}: ${problemOf(issue)}`];
  const allowed = allowedFields(schema, issue.path);
  const hint = allowed === undefined ? '' : `; allowed are ${allowed.join(', ')}`;
  return issue.keys.map((key) => `${pathText([...issue.path, key])}: is not a known field${hint}`);
}

function problemOf(issue: z.core.$ZodIssue): string {
  if (isMissing(issue)) return 'is missing';
  if (issue.code === 'invalid_union') return unionProblem(issue);
  if (issue.code === 'invalid_format') return formatProblem(issue);
  return issue.message.replace(/^Invalid input: /, '');
}

/** The ways in which each alternative failed, without repeating one. */
function unionProblem(issue: z.core.$ZodIssueInvalidUnion): string {
  const ways = issue.errors.flatMap((branch) => branch.slice(0, 1).map((inner) => problemOf(inner)));
  return ways.length === 0 ? issue.message : [...new Set(ways)].join(', or ');
}

function formatProblem(issue: z.core.$ZodIssueInvalidStringFormat): string {
  if (issue.format === 'date') return 'must be a date such as 2026-11-24';
  if (issue.format === 'datetime')
    return 'must be a date-time with seconds and offset such as 2026-11-24T15:00:00+01:00';
  return issue.message;
}

function isMissing(issue: z.core.$ZodIssue): boolean {
  const isTypeProblem = ['invalid_type', 'invalid_value', 'invalid_union'].includes(issue.code);
  return isTypeProblem && issue.input === undefined && issue.path.length > 0;
}

function pathText(path: readonly PropertyKey[]): string {
  return path.length === 0 ? 'input' : path.map(String).join('.');
}
