import type { Atom, AtomReference, JsonValue, Metadata } from '../../contracts/space.js';
import { cutText } from '../../contracts/text.js';
import type { AtomView } from './atom-view-schema.js';

const COMMENT_BYTES = 300;

/** An atom for the model; payload, metadata and references take at most `bytes` each, and `cut` says when one did not fit. */
export function viewAtom(atom: Atom, bytes: number): AtomView {
  const payload = fitPayload(atom.payload, bytes);
  const metadata = fitMetadata(atom.metadata, bytes);
  const references = fitList(atom.references, bytes);
  const isCut =
    payload !== atom.payload ||
    Object.keys(metadata).length < Object.keys(atom.metadata).length ||
    references.length < atom.references.length;
  return {
    id: atom.id,
    space: atom.space,
    version: atom.version,
    payload,
    mediaType: atom.mediaType,
    metadata,
    references,
    origin: atom.origin,
    comment: cutText(atom.comment, COMMENT_BYTES),
    updatedAt: atom.updatedAt,
    ...(atom.deprecated ? { deprecated: true } : {}),
    ...(isCut ? { cut: true } : {}),
  };
}

/** A payload that is too long becomes the beginning of its text. */
function fitPayload(payload: JsonValue, bytes: number): JsonValue {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  const cut = cutText(text, bytes);
  return cut === text ? payload : cut;
}

function fitMetadata(metadata: Metadata, bytes: number): Metadata {
  return Object.fromEntries(fitList(Object.entries(metadata), bytes));
}

function fitList<T extends AtomReference | [string, Metadata[string]]>(items: readonly T[], bytes: number): T[] {
  const encoder = new TextEncoder();
  let used = 0;
  const fitting = items.findIndex((item) => {
    used += encoder.encode(JSON.stringify(item)).length;
    return used > bytes;
  });
  return fitting === -1 ? [...items] : items.slice(0, fitting);
}
