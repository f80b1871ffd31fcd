import { type JsonRecord, isRecord, stableJson } from './json.js';
import { violationsOf } from './schema-check.js';
import type { Setting } from './setting.js';

export interface Call {
  readonly name: string;
  readonly input: JsonRecord;
}

/** What a rule wants done in one turn, and what it has to say about the rest. */
export interface Step {
  readonly calls: readonly Call[];
  readonly notes: readonly string[];
}

/** What came back for one call. */
export interface Outcome extends Call {
  /** False when the request holds no result for the call. */
  readonly answered: boolean;
  readonly isError: boolean;
  readonly text: string;
  /** The result as JSON, where it is JSON. */
  readonly value: unknown;
}

export interface Plan extends Step {
  /** Further calls that follow from the results so far. */
  readonly next?: (outcomes: readonly Outcome[]) => Step;
  /** Replaces the general report of the results. */
  readonly report?: (outcomes: readonly Outcome[]) => readonly string[];
}

/** A rule answers with a plan when the text is its business. */
export type Rule = (text: string, setting: Setting) => Plan | undefined;

/** A plan that only says something. */
export function say(...notes: readonly string[]): Plan {
  return { calls: [], notes };
}

/** Names under which the same field may be offered. */
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  text: ['text', 'content', 'note', 'body'],
  memory: ['memory', 'id', 'atom', 'memoryId'],
  task: ['task', 'id', 'taskId'],
  mail: ['mail', 'id', 'message', 'messageId', 'email'],
  query: ['query', 'words', 'q', 'text', 'name'],
  from: ['from', 'start', 'timeMin'],
  to: ['to', 'end', 'timeMax', 'until'],
  due: ['due', 'dueAt'],
  when: ['when'],
  durationMinutes: ['durationMinutes', 'minutes', 'duration'],
  question: ['question', 'text'],
};

function propertiesOf(schema: JsonRecord): JsonRecord | undefined {
  return isRecord(schema['properties']) ? schema['properties'] : undefined;
}

function renamed(fields: JsonRecord, schema: JsonRecord): JsonRecord {
  const offered = propertiesOf(schema);
  if (offered === undefined) return fields;
  const input: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const name = (ALIASES[field] ?? [field]).find(
      (alias) => Object.hasOwn(offered, alias) && !Object.hasOwn(input, alias),
    );
    if (name !== undefined) input[name] = value;
  }
  return input;
}

function isOffered(setting: Setting, name: string): boolean {
  return setting.tools.some((tool) => tool.name === name);
}

/** Whether an offered skill has a field of this very name. */
export function takesField(setting: Setting, name: string, field: string): boolean {
  const tool = setting.tools.find((offered) => offered.name === name);
  return tool !== undefined && Object.hasOwn(propertiesOf(tool.schema) ?? {}, field);
}

/** The same for the same skill and input: what is asked or done twice has one key. */
export function callKey(call: Call): string {
  return `${call.name} ${stableJson(call.input)}`;
}

/** A call as written, refused with a reason when it is not offered or does not fit. */
export function exactCall(setting: Setting, name: string, input: JsonRecord): Step {
  const tool = setting.tools.find((offered) => offered.name === name);
  if (!tool) return { calls: [], notes: [`The skill ${name} is not available here.`] };
  const problems = violationsOf(tool.schema, input);
  if (problems.length > 0) return { calls: [], notes: [`I did not call ${name}: ${problems.slice(0, 5).join('; ')}.`] };
  return { calls: [{ name, input }], notes: [] };
}

/** A call with the fields the offered schema knows; `essential` fields must survive the renaming. */
export function fittingCall(
  setting: Setting,
  name: string,
  fields: JsonRecord,
  essential: readonly string[] = [],
): Step {
  const tool = setting.tools.find((offered) => offered.name === name);
  if (!tool) return exactCall(setting, name, fields);
  const offered = propertiesOf(tool.schema);
  const lost = essential.filter(
    (field) => offered && !(ALIASES[field] ?? [field]).some((alias) => Object.hasOwn(offered, alias)),
  );
  if (lost.length > 0) return { calls: [], notes: [`I did not call ${name}: it takes no ${lost.join(', ')}.`] };
  return exactCall(setting, name, renamed(fields, tool.schema));
}

/** As `fittingCall`, but silent when the skill is not offered: for calls that are only an addition. */
export function optionalCall(setting: Setting, name: string, fields: JsonRecord): Step {
  return isOffered(setting, name) ? fittingCall(setting, name, fields) : { calls: [], notes: [] };
}

/** Steps side by side, in one turn. */
export function together(...steps: readonly Step[]): Step {
  return { calls: steps.flatMap((step) => step.calls), notes: steps.flatMap((step) => step.notes) };
}
