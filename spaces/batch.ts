import { ProblemError } from '../contracts/problem.js';
import type { Atom, AtomReference, BatchOperation } from '../contracts/space.js';
import type { Tx } from '../store/db.js';
import { putAtom, setDeprecated, updateAtom } from './atoms.js';
import type { Actor } from './principal.js';
import { requirePermission } from './spaces.js';

type Keys = ReadonlyMap<string, string>;

/** Several mutations of one space, in order, in the caller's transaction: all of them, or none with the first problem. */
export async function applyBatch(
  tx: Tx,
  actor: Actor,
  space: string,
  operations: readonly BatchOperation[],
): Promise<Atom[]> {
  // Taken at once for all, so that two batches wait for each other instead of refusing each other halfway.
  await requirePermission(tx, actor, space, operations.every(({ op }) => op === 'put') ? 'append' : 'write');
  const keys = new Map<string, string>();
  const atoms: Atom[] = [];
  for (const [index, operation] of operations.entries()) {
    const path = `operations.${index}`;
    try {
      const atom = await apply(tx, actor, space, operation, keys);
      if (operation.op === 'put' && operation.key !== undefined) addKey(keys, operation.key, atom.id);
      atoms.push(atom);
    } catch (error) {
      throw error instanceof ProblemError ? placed(error, path) : error;
    }
  }
  return atoms;
}

async function apply(tx: Tx, actor: Actor, space: string, operation: BatchOperation, keys: Keys): Promise<Atom> {
  switch (operation.op) {
    case 'put': {
      const { op: _op, key: _key, references, ...atom } = operation;
      return putAtom(tx, actor, space, { ...atom, ...resolved(references, keys) });
    }
    case 'update': {
      const { op: _op, atom, references, ...patch } = operation;
      return updateAtom(tx, actor, space, atom, { ...patch, ...resolved(references, keys) });
    }
    case 'deprecate':
    case 'restore':
      return setDeprecated(tx, actor, space, operation.atom, operation.op === 'deprecate', operation.comment);
  }
}

function resolved(references: readonly AtomReference[] | undefined, keys: Keys): { references?: AtomReference[] } {
  if (references === undefined) return {};
  return {
    references: references.map((reference, index) => {
      if (!reference.atom.startsWith('$')) return reference;
      const atom = keys.get(reference.atom.slice(1));
      if (atom !== undefined) return { ...reference, atom };
      throw new ProblemError('invalid-body', 'A reference names a key that no put before it has.', {
        errors: [{ path: `references.${index}.atom`, message: 'must be the key of an earlier put of this batch' }],
        status: 422,
      });
    }),
  };
}

function addKey(keys: Map<string, string>, key: string, atom: string): void {
  if (keys.has(key))
    throw new ProblemError('invalid-body', `Two puts of the batch have the key ${key}.`, {
      errors: [{ path: 'key', message: 'must be given once' }],
      status: 422,
    });
  keys.set(key, atom);
}

/** The same problem, with the place in the batch that it is about. */
function placed(error: ProblemError, path: string): ProblemError {
  const errors = error.errors.map((part) => ({ ...part, path: `${path}.${part.path}` }));
  return new ProblemError(error.type, error.message, {
    errors: errors.length > 0 ? errors : [{ path, message: error.message }],
    status: error.status,
    cause: error,
  });
}
