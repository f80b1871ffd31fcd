import type { Outcome } from './calls.js';
import { type JsonRecord, isRecord, stringOf } from './json.js';
import { shorten } from './text.js';

const LISTS = [
  'items',
  'tasks',
  'events',
  'memories',
  'contacts',
  'results',
  'hits',
  'files',
  'free',
  'slots',
  'reminders',
  'mails',
  'messages',
];

/** A hit or an atom may wrap what it is about; the innermost fields win, the id of the atom stays. */
function flat(item: unknown): JsonRecord {
  if (typeof item === 'string') return { text: item };
  if (!isRecord(item)) return {};
  const inner = ['atom', 'task', 'event', 'memory', 'contact', 'mail'].map((field) => item[field]).find(isRecord);
  const atom: JsonRecord = inner ? { ...item, ...inner } : item;
  const payload = atom['payload'];
  const metadata = isRecord(atom['metadata']) ? atom['metadata'] : {};
  const content = isRecord(payload) ? payload : typeof payload === 'string' ? { text: payload } : {};
  return { ...metadata, ...atom, ...content, ...(atom['id'] === undefined ? {} : { id: atom['id'] }) };
}

/** The entries of a result that is a list, or wraps one, whatever it calls it. */
export function listOf(outcome: Outcome | undefined): JsonRecord[] {
  const value = outcome?.value;
  if (Array.isArray(value)) return value.map(flat);
  if (!isRecord(value)) return [];
  const list = LISTS.map((field) => value[field]).find(Array.isArray);
  return list === undefined ? [] : list.map(flat);
}

/** The single thing a result is about. */
export function recordOf(outcome: Outcome): JsonRecord {
  return flat(outcome.value);
}

/** Why a call failed, in the skill's own words. */
export function failureOf(outcome: Outcome): string | undefined {
  if (!outcome.answered) return 'no result came back';
  if (!outcome.isError) return undefined;
  const value = isRecord(outcome.value) ? outcome.value : undefined;
  const nested = isRecord(value?.['error']) ? value['error'] : undefined;
  const reason =
    stringOf(value, 'detail', 'message', 'error', 'reason', 'title') ?? stringOf(nested, 'detail', 'message', 'type');
  return shorten(reason ?? (outcome.text || 'it failed without a reason'), 300);
}

/** The text of a memory, contact, task or file entry. */
export function textOf(record: JsonRecord): string {
  return (
    stringOf(record, 'text', 'title', 'name', 'path', 'summary', 'snippet') ?? shorten(JSON.stringify(record), 200)
  );
}
