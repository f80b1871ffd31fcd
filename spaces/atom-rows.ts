import type { Atom, AtomOrigin, AtomReference, JsonValue, Metadata } from '../contracts/space.js';
import { type RawBuilder, sql } from '../store/sql.js';

export interface AtomRow {
  id: string;
  space_id: string;
  version: number;
  payload: JsonValue;
  media_type: string;
  metadata: Metadata;
  references: AtomReference[];
  author: string;
  people: string[];
  origin: AtomOrigin;
  comment: string;
  deprecated: boolean;
  created_at: string;
  updated_at: string;
}

/** Columns of an atom `a` with its references in the order they were given. */
export const ATOM_COLUMNS: RawBuilder<unknown> = sql`
  a.id, a.space_id, a.version, a.payload, a.media_type, a.metadata, a.author, a.people, a.origin, a.comment, a.deprecated, a.created_at, a.updated_at,
  coalesce((select json_agg(json_build_object('type', r.type, 'atom', r.target_id) order by r.position) from atom_references r where r.atom_id = a.id), '[]'::json) as "references"`;

export function presentAtom(row: AtomRow): Atom {
  return {
    id: row.id,
    space: row.space_id,
    version: row.version,
    payload: row.payload,
    mediaType: row.media_type,
    metadata: row.metadata,
    references: row.references,
    author: row.author,
    people: row.people,
    origin: row.origin,
    comment: row.comment,
    deprecated: row.deprecated,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

const MOST_INDEXED = 100_000;
const MOST_PARTS = 25_000;
const LONGEST_TITLE = 500;

/** What full-text search sees of an atom: what it is called, which counts most, and all strings and numbers, bounded. */
export interface SearchableText {
  readonly title: string;
  readonly body: string;
}

export function searchableText(payload: JsonValue, metadata: Metadata): SearchableText {
  const parts: string[] = [];
  let left = MOST_INDEXED;
  const visit = (value: JsonValue): void => {
    if (left <= 0 || value === null || typeof value === 'boolean') return;
    if (typeof value === 'string' || typeof value === 'number') {
      const text = String(value).slice(0, left);
      parts.push(text);
      left -= text.length;
    } else {
      for (const inner of Array.isArray(value) ? value : Object.values(value)) visit(inner);
    }
  };
  visit(payload);
  visit(metadata);
  return { title: withParts(titleOf(payload).slice(0, LONGEST_TITLE)), body: withParts(parts.join('\n')) };
}

/** A name or title of the payload, or the first heading of a text. */
function titleOf(payload: JsonValue): string {
  if (typeof payload === 'string') return /^#{1,6} +(.+)$/m.exec(payload.slice(0, 2_000))?.[1] ?? '';
  if (payload === null || typeof payload !== 'object' || Array.isArray(payload)) return '';
  const title = payload['title'] ?? payload['name'] ?? payload['subject'];
  return typeof title === 'string' ? title : '';
}

/**
 * The database keeps an address, a host name or a decimal number as one word: each is followed by its parts here, so
 * that `acme` finds as@acme.example. What is stored and what is searched for go through this alike.
 */
export function withParts(text: string): string {
  const lower = text.normalize('NFC').toLowerCase().slice(0, MOST_INDEXED);
  const parts = new Set<string>();
  let left = MOST_PARTS;
  for (const piece of lower.split(/\s+/)) {
    const found = piece.match(/[\p{L}\p{N}\p{M}]+/gu) ?? [];
    // Marks around one word are no part of it for the database either, but for the sign of a number.
    if (found.length === 1 && !/[+-]\p{N}/u.test(piece)) continue;
    for (const part of found) {
      if (parts.has(part) || part.length > left) continue;
      parts.add(part);
      left -= part.length + 1;
    }
  }
  return parts.size === 0 ? lower : `${lower}\n${[...parts].join(' ')}`;
}
