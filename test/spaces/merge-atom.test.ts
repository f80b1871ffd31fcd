import { describe, expect, test } from 'vitest';
import { type AtomContent, changedFields, type ContentPatch, mergeAtom } from '../../contracts/merge-atom.js';
import type { AtomReference, JsonValue, Metadata } from '../../contracts/space.js';
import { seededRandom } from '../helpers/seeded.js';

const ROUNDS = 3_000;
const KEYS = ['a', 'b', 'c', 'constructor', '__proto__'];
const VALUES = [1, 2, 'x', true, null] as const;
const NESTED: readonly JsonValue[] = [1, 'x', null, [1, 2], { q: 1, r: [true] }, { r: [true], q: 1 }];
const REFERENCES: readonly AtomReference[] = ['p', 'q', 'r'].map((atom) => ({ type: 'about', atom }));

type Chance = () => number;

function oneOf<T>(chance: Chance, values: readonly T[]): T {
  const value = values[Math.floor(chance() * values.length)];
  if (value === undefined) throw new Error('there is nothing to choose from');
  return value;
}

function someOf<T>(chance: Chance, values: readonly T[]): T[] {
  return values.filter(() => chance() < 0.5);
}

function fields<T>(chance: Chance, values: readonly T[]): { [key: string]: T } {
  return Object.fromEntries(someOf(chance, KEYS).map((key) => [key, oneOf(chance, values)]));
}

const payloadOf = (chance: Chance): JsonValue =>
  chance() < 0.6 ? fields(chance, NESTED) : oneOf<JsonValue>(chance, ['one text', 'another', 7, ['a']]);

function contentOf(chance: Chance): AtomContent {
  const metadata = withoutNull(fields(chance, VALUES));
  return { payload: payloadOf(chance), metadata, references: someOf(chance, REFERENCES) };
}

function patchOf(chance: Chance): ContentPatch {
  return {
    ...(chance() < 0.6 ? { payload: payloadOf(chance) } : {}),
    ...(chance() < 0.6 ? { metadata: fields(chance, VALUES) } : {}),
    ...(chance() < 0.6 ? { references: someOf(chance, REFERENCES) } : {}),
  };
}

const withoutNull = (metadata: Metadata): Metadata =>
  Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== null));

/** As the store applies a patch. */
function applied(content: AtomContent, { payload, metadata, references }: ContentPatch): AtomContent {
  const merged = new Map([...Object.entries(content.metadata), ...Object.entries(metadata ?? {})]);
  return {
    payload: payload === undefined ? content.payload : payload,
    metadata: withoutNull(Object.fromEntries(merged)),
    references: references ?? content.references,
  };
}

/** A state as independent cells, each with a text for its value; what is not there has no cell. */
function cellsOf({ payload, metadata, references }: AtomContent, isByKey: boolean): Map<string, string> {
  const parts = isByKey ? Object.entries(payload as object).map(([key, value]) => [`payload.${key}`, value]) : [];
  const whole = isByKey ? [] : [['payload', payload]];
  const known = Object.entries(metadata).map(([key, value]) => [`metadata.${key}`, value]);
  const members = references.map(({ type, atom }) => [`reference ${type} ${atom}`, true]);
  return new Map([...parts, ...whole, ...known, ...members].map(([cell, value]) => [String(cell), textOf(value)]));
}

/** JSON with the keys of objects in order. */
function textOf(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1))
      : inner,
  );
}

const isObject = (value: JsonValue): boolean => value !== null && typeof value === 'object' && !Array.isArray(value);

interface Round {
  readonly theirs: AtomContent;
  readonly patch: ContentPatch;
  readonly merged: ReturnType<typeof mergeAtom>;
  readonly cells: readonly string[];
  /** What the cell holds at the base, as I want it, as they left it, and once merged. */
  at(cell: string): { base?: string; mine?: string; theirs?: string; merged?: string };
}

function roundOf(seed: number): Round {
  const chance = seededRandom(seed);
  const [base, theirs, patch] = [contentOf(chance), contentOf(chance), patchOf(chance)];
  const mine = applied(base, patch);
  const merged = mergeAtom(base, theirs, patch);
  const isByKey = [base, theirs, mine].every(({ payload }) => isObject(payload));
  const sides = { base, mine, theirs, merged: applied(theirs, merged.patch) };
  const maps = Object.entries(sides).map(
    ([name, state]) => [name, cellsOf(state, isByKey && isObject(state.payload))] as const,
  );
  const cells = [...new Set(maps.flatMap(([, map]) => [...map.keys()]))];
  return {
    theirs,
    patch,
    merged,
    cells,
    at: (cell) => Object.fromEntries(maps.map(([name, map]) => [name, map.get(cell)])),
  };
}

const rounds = Array.from({ length: ROUNDS }, (_, seed) => roundOf(seed + 1));

describe('a merge of any two changes', () => {
  test('tries every kind of case', () => {
    const conflicting = rounds.filter(({ merged }) => merged.conflicts.length > 0).length;
    const empty = rounds.filter(({ merged }) => Object.keys(merged.patch).length === 0).length;
    expect(conflicting).toBeGreaterThan(ROUNDS / 10);
    expect(ROUNDS - conflicting).toBeGreaterThan(ROUNDS / 10);
    expect(empty).toBeGreaterThan(ROUNDS / 100);
  });

  test('loses none of their writes', () => {
    const lost = rounds.flatMap(({ cells, at }) =>
      cells.map(at).filter(({ base, theirs, merged }) => theirs !== base && merged !== theirs),
    );
    expect(lost).toEqual([]);
  });

  test('applies mine wherever they have not written', () => {
    const missed = rounds.flatMap(({ cells, at }) =>
      cells.map(at).filter(({ base, mine, theirs, merged }) => theirs === base && merged !== mine),
    );
    expect(missed).toEqual([]);
  });

  test('conflicts exactly where both changed a field to different values', () => {
    const named = rounds.map(({ merged }) => merged.conflicts.map(({ field }) => field).toSorted());
    const expected = rounds.map(({ cells, at }) =>
      cells
        .filter((cell) => {
          const { base, mine, theirs } = at(cell);
          return mine !== base && theirs !== base && mine !== theirs;
        })
        .toSorted(),
    );
    expect(named).toEqual(expected);
  });

  test('says what each side wants in a conflict', () => {
    const shown = rounds.flatMap(({ merged, at }) =>
      merged.conflicts.map(({ field, mine, theirs }) => [at(field), mine, theirs] as const),
    );
    const wrong = shown.filter(
      ([cell, mine, theirs]) =>
        cell.mine !== (mine === undefined ? undefined : textOf(mine)) ||
        cell.theirs !== (theirs === undefined ? undefined : textOf(theirs)),
    );
    expect(wrong).toEqual([]);
    expect(shown.length).toBeGreaterThan(0);
  });

  test('writes nothing that stands there already, and names the fields it changes', () => {
    for (const { theirs, merged, cells, at } of rounds) {
      const touched = cells.filter((cell) => at(cell).merged !== at(cell).theirs);
      expect(Object.keys(merged.patch).length > 0).toBe(
        changedFields(theirs, applied(theirs, merged.patch)).length > 0,
      );
      expect(touched.length > 0 || merged.patch.payload === undefined).toBe(true);
    }
  });
});

describe('a merge', () => {
  const base: AtomContent = { payload: 'text', metadata: { stage: 'lead' }, references: REFERENCES.slice(0, 2) };

  test('takes my text where they wrote beside it, and no second one', () => {
    const beside = { ...base, metadata: { stage: 'won' } };
    expect(mergeAtom(base, beside, { payload: 'mine' })).toEqual({ patch: { payload: 'mine' }, conflicts: [] });
    expect(mergeAtom(base, { ...base, payload: 'theirs' }, { payload: 'mine' })).toEqual({
      patch: {},
      conflicts: [{ field: 'payload', mine: 'mine', theirs: 'theirs' }],
    });
    expect(mergeAtom(base, { ...base, payload: 'mine' }, { payload: 'mine' })).toEqual({ patch: {}, conflicts: [] });
  });

  test('deletes a key that they left alone, and asks where they changed it', () => {
    const patch = { metadata: { stage: null } };
    expect(mergeAtom(base, base, patch)).toEqual({ patch, conflicts: [] });
    expect(mergeAtom(base, { ...base, metadata: { stage: 'won' } }, patch).conflicts).toEqual([
      { field: 'metadata.stage', mine: undefined, theirs: 'won' },
    ]);
  });

  test('adds and removes references beside theirs, in their order', () => {
    const [p, q, r] = REFERENCES as [AtomReference, AtomReference, AtomReference];
    expect(mergeAtom(base, { ...base, references: [q, p, r] }, { references: [p] }).patch).toEqual({
      references: [p, r],
    });
    expect(mergeAtom(base, base, { references: [q, p] }).patch).toEqual({ references: [q, p] });
    expect(mergeAtom(base, { ...base, references: [r] }, { references: [p, q] }).patch).toEqual({});
  });
});
