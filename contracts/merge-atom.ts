import type { AtomReference, JsonValue, Metadata, MetadataValue } from './space.js';

/** What a change of an atom can touch. */
export interface AtomContent {
  readonly payload: JsonValue;
  readonly metadata: Metadata;
  readonly references: readonly AtomReference[];
}

/** As the content fields of an `AtomPatch`: metadata merges and null deletes a key, the others replace. */
export interface ContentPatch {
  payload?: JsonValue | undefined;
  metadata?: Metadata | undefined;
  references?: AtomReference[] | undefined;
}

/** A field that both sides have changed, each to something else. A value of undefined means that it is not there. */
export interface MergeConflict {
  /** `payload`, `payload.KEY` or `metadata.KEY`. */
  readonly field: string;
  readonly mine: JsonValue | undefined;
  readonly theirs: JsonValue | undefined;
}

export interface Merged {
  /** What is left to write onto `theirs`; empty where it stands there already. */
  readonly patch: ContentPatch;
  /** Nothing may be written unless this is empty. */
  readonly conflicts: readonly MergeConflict[];
}

/**
 * Three-way merge of a patch that was made for `base` onto `theirs`, a later state. Metadata merges key by key, payloads
 * that are objects on all three sides by their top-level keys, other payloads as a whole, references as a set of which
 * each side adds and removes members. What only they changed stays, what only the patch changes is applied.
 */
export function mergeAtom(base: AtomContent, theirs: AtomContent, patch: ContentPatch): Merged {
  const metadata = patch.metadata === undefined ? NOTHING : mergeMetadata(base, theirs, patch.metadata);
  const payload = patch.payload === undefined ? NOTHING : mergePayload(base.payload, theirs.payload, patch.payload);
  const references = patch.references === undefined ? {} : mergeReferences(base, theirs, patch.references);
  return {
    patch: { ...payload.patch, ...metadata.patch, ...references },
    conflicts: [...payload.conflicts, ...metadata.conflicts],
  };
}

/** Names of the fields in which two states differ: `payload` or `payload.KEY`, `metadata.KEY`, `references`. */
export function changedFields(before: AtomContent, after: AtomContent): string[] {
  return [
    ...changedPayload(before.payload, after.payload),
    ...differing('metadata', knownFields(before.metadata), knownFields(after.metadata)),
    ...(sameOrder(membersOf(before.references), membersOf(after.references)) ? [] : ['references']),
  ];
}

function changedPayload(before: JsonValue, after: JsonValue): string[] {
  if (isObject(before) && isObject(after)) return differing('payload', fieldsOf(before), fieldsOf(after));
  return sameJson(before, after) ? [] : ['payload'];
}

function differing(name: string, before: Fields, after: Fields): string[] {
  const keys = [...new Set([...before.keys(), ...after.keys()])];
  return keys.filter((key) => !sameJson(before.get(key), after.get(key))).map((key) => `${name}.${key}`);
}

const NOTHING: Merged = { patch: {}, conflicts: [] };

type Fields = ReadonlyMap<string, JsonValue>;

interface MergedFields {
  /** What the patch changes and they left alone; undefined takes the key away. */
  readonly changes: ReadonlyMap<string, JsonValue | undefined>;
  readonly conflicts: readonly MergeConflict[];
}

function mergeMetadata(base: AtomContent, theirs: AtomContent, patch: Metadata): Merged {
  const keys = Object.keys(patch);
  const { changes, conflicts } = mergeFields('metadata', keys, {
    base: knownFields(base.metadata),
    mine: knownFields(patch),
    theirs: knownFields(theirs.metadata),
  });
  const metadata = [...changes].map(([key, value]): [string, MetadataValue] => [key, asMetadata(value)]);
  return { patch: metadata.length === 0 ? {} : { metadata: Object.fromEntries(metadata) }, conflicts };
}

/** A key that is null and one that is missing say the same. */
function knownFields(metadata: Metadata): Fields {
  return new Map(Object.entries(metadata).filter(([, value]) => value !== null));
}

function asMetadata(value: JsonValue | undefined): MetadataValue {
  return value === undefined || typeof value === 'object' ? null : value;
}

function mergePayload(base: JsonValue, theirs: JsonValue, mine: JsonValue): Merged {
  if (!isObject(base) || !isObject(theirs) || !isObject(mine)) return mergeWhole(base, theirs, mine);
  const sides = { base: fieldsOf(base), mine: fieldsOf(mine), theirs: fieldsOf(theirs) };
  const { changes, conflicts } = mergeFields('payload', [...sides.base.keys(), ...sides.mine.keys()], sides);
  if (changes.size === 0) return { patch: {}, conflicts };
  const merged = new Map<string, JsonValue | undefined>([...sides.theirs, ...changes]);
  const kept = [...merged].flatMap(([key, value]): [string, JsonValue][] =>
    value === undefined ? [] : [[key, value]],
  );
  return { patch: { payload: Object.fromEntries(kept) }, conflicts };
}

function mergeWhole(base: JsonValue, theirs: JsonValue, mine: JsonValue): Merged {
  if (sameJson(mine, base) || sameJson(mine, theirs)) return NOTHING;
  if (sameJson(theirs, base)) return { patch: { payload: mine }, conflicts: [] };
  return { patch: {}, conflicts: [{ field: 'payload', mine, theirs }] };
}

function mergeFields(
  name: string,
  keys: readonly string[],
  { base, mine, theirs }: { base: Fields; mine: Fields; theirs: Fields },
): MergedFields {
  const changes = new Map<string, JsonValue | undefined>();
  const conflicts: MergeConflict[] = [];
  for (const key of new Set(keys)) {
    const [was, wanted, is] = [base.get(key), mine.get(key), theirs.get(key)];
    if (sameJson(wanted, was) || sameJson(wanted, is)) continue;
    if (sameJson(is, was)) changes.set(key, wanted);
    else conflicts.push({ field: `${name}.${key}`, mine: wanted, theirs: is });
  }
  return { changes, conflicts };
}

/** Each member is there or not, so two sides that both change one agree. The order is theirs, unless only mine changed. */
function mergeReferences(base: AtomContent, theirs: AtomContent, references: readonly AtomReference[]): ContentPatch {
  const [was, is, wanted] = [membersOf(base.references), membersOf(theirs.references), membersOf(references)];
  const kept = [...is].filter(([member]) => wanted.has(member) || !was.has(member));
  const added = [...wanted].filter(([member]) => !was.has(member));
  const merged: Members = sameMembers(is, was) ? wanted : new Map([...kept, ...added]);
  return sameOrder(merged, is) ? {} : { references: [...merged.values()] };
}

type Members = ReadonlyMap<string, AtomReference>;

function membersOf(references: readonly AtomReference[]): Members {
  return new Map(references.map(({ type, atom }) => [JSON.stringify([type, atom]), { type, atom }]));
}

function sameMembers(a: Members, b: Members): boolean {
  return a.size === b.size && [...a.keys()].every((member) => b.has(member));
}

function sameOrder(a: Members, b: Members): boolean {
  return JSON.stringify([...a.keys()]) === JSON.stringify([...b.keys()]);
}

/** Whether two values are the same JSON; the order of keys does not count. */
function sameJson(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((item, index) => sameJson(item, b[index]))
    );
  }
  if (!isObject(a) || !isObject(b)) return a === b;
  const [one, other] = [fieldsOf(a), fieldsOf(b)];
  return one.size === other.size && [...one].every(([key, value]) => other.has(key) && sameJson(value, other.get(key)));
}

function isObject(value: JsonValue): value is { [key: string]: JsonValue } {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function fieldsOf(value: { readonly [key: string]: JsonValue }): Fields {
  return new Map(Object.entries(value));
}
