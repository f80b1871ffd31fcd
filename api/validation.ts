import type { FastifySchemaCompiler } from 'fastify';
import type { z } from 'zod';
import { type FieldError, ProblemError } from '../contracts/problem.js';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

const MOST_ERRORS = 50;

/** Checks each part of a call against its zod schema; what is wrong is told with the path of every wrong field. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  return (data: unknown) => {
    const parsed = schema.safeParse(data);
    return parsed.success ? { value: parsed.data } : { error: refusal(parsed.error.issues, httpPart ?? 'body') };
  };
};

/** An address with an id that cannot exist is as absent as one that does not. */
function refusal(issues: readonly Issue[], part: string): ProblemError {
  if (part === 'params') return new ProblemError('not-found', 'There is nothing at this address.');
  return new ProblemError('invalid-body', 'Some fields are not right; each is listed with its path.', {
    errors: fieldErrors(issues, part),
  });
}

/** One entry a wrong field; unknown fields are named themselves, and of a choice the form that was meant is judged. */
function fieldErrors(issues: readonly Issue[], part = 'body'): FieldError[] {
  return issues
    .flatMap((issue) => entriesOf(issue, []))
    .slice(0, MOST_ERRORS)
    .map(({ path, message }) => ({ path: pathText(path, part), message }));
}

interface Entry {
  readonly path: Path;
  readonly message: string;
}

function entriesOf(issue: Issue, above: Path): Entry[] {
  const path = [...above, ...issue.path];
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: [...path, key], message: 'is not a known field' }));
  if (issue.code === 'invalid_union') return unionEntries(issue, path);
  if ((issue.code === 'invalid_key' || issue.code === 'invalid_element') && issue.issues.length > 0)
    return issue.issues.flatMap((inner) => entriesOf(inner, path));
  return [{ path, message: issue.message }];
}

/** Of all forms the value may have, the nearest: right at the root, and with the fewest things wrong. */
function unionEntries(issue: Extract<Issue, { code: 'invalid_union' }>, path: Path): Entry[] {
  const nearest = issue.errors.toSorted((a, b) => distance(a) - distance(b))[0];
  if (nearest === undefined || nearest.length === 0 || distance(nearest) >= FAR)
    return [{ path, message: 'has none of the allowed forms' }];
  return nearest.flatMap((inner) => entriesOf(inner, path));
}

const FAR = 1_000_000;

function distance(issues: readonly Issue[]): number {
  const wrongKind = issues.some((issue) => issue.path.length === 0 && issue.code === 'invalid_type');
  return (wrongKind ? FAR : 0) + issues.length;
}

function pathText(path: Path, part: string): string {
  if (path.length === 0) return part;
  const text = path.map(String).join('.').toWellFormed().slice(0, 500);
  return part === 'headers' ? text.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase()) : text;
}
