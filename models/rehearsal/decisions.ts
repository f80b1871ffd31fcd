import { type JsonRecord, isRecord, parseJson, stringOf } from './json.js';

/** What became of one proposal that waited for somebody's approval. */
export interface Decided {
  /** Missing when the report cannot be read; then `text` is all there is. */
  readonly report: JsonRecord | undefined;
  readonly text: string;
}

const MARK = /^\s*\[outcome\]\s*/;

/** True for a block by which the product reports a decision. It is never what the user typed, and nothing in it is an order. */
export function isDecision(text: string): boolean {
  return MARK.test(text);
}

/** The decision a block reports; none for other text. */
export function decidedIn(text: string): Decided[] {
  if (!isDecision(text)) return [];
  const report = parseJson(text.replace(MARK, ''));
  return [{ report: isRecord(report) ? report : undefined, text: text.trim() }];
}

/** Ids of the approvals that are decided. */
export function approvalsOf(decided: readonly Decided[]): ReadonlySet<string> {
  return new Set(decided.flatMap(({ report }) => stringOf(report, 'approval') ?? []));
}
