import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import {
  type Atom,
  AtomPatchSchema,
  AtomSchema,
  type BatchOperation,
  BatchSchema,
  CommentSchema,
  NewAtomSchema,
} from '../../contracts/space.js';
import { IdSchema } from '../../contracts/text.js';
import { atomHistory, getAtom, listAtoms, putAtom, setDeprecated, updateAtom } from '../../spaces/atoms.js';
import { applyBatch } from '../../spaces/batch.js';
import { userActor } from '../../spaces/principal.js';
import { compact } from '../compact.js';
import { callerOf } from '../plugins/auth.js';
import { answers, IdParamsSchema, listOf, NoQuerySchema, pageFields, PageQuerySchema } from '../schemas.js';
import type { RouteParts } from './parts.js';

const TAGS = ['spaces'];
const AtomParamsSchema = z.strictObject({ id: IdSchema, atom: IdSchema });
const ListQuerySchema = z.strictObject({ includeDeprecated: z.enum(['true', 'false']).optional(), ...pageFields });
const CommentedSchema = z.strictObject({ comment: CommentSchema });
const BatchAnswerSchema = z
  .object({
    items: z.array(
      z.object({
        op: z.enum(['put', 'update', 'deprecate', 'restore']),
        key: z.string().optional(),
        atom: AtomSchema,
      }),
    ),
  })
  .meta({ id: 'BatchAnswer' });
const { payload, mediaType, metadata, references, origin, deprecated } = AtomSchema.shape;
const VersionSchema = z
  .object({
    version: z.int(),
    author: z.string(),
    at: z.string(),
    comment: z.string(),
    payload,
    mediaType,
    metadata,
    references,
    origin,
    deprecated,
  })
  .meta({ id: 'AtomVersion' });

/** Atoms of a space: read, written and kept with their history. */
export function atomRoutes({ deps }: RouteParts): FastifyPluginAsyncZod {
  const { db } = deps.engine;
  return async (app) => {
    app.get(
      '/v1/spaces/:id/atoms',
      {
        schema: {
          tags: TAGS,
          summary: 'Atoms, newest first',
          params: IdParamsSchema,
          querystring: ListQuerySchema,
          response: answers({ 200: listOf(AtomSchema) }),
        },
      },
      async (request) => {
        const { id } = callerOf(request);
        const { includeDeprecated, ...page } = request.query;
        return db.as(id, (tx) =>
          listAtoms(tx, userActor(id), request.params.id, {
            ...compact(page),
            includeDeprecated: includeDeprecated === 'true',
          }),
        );
      },
    );

    app.post(
      '/v1/spaces/:id/atoms',
      {
        schema: {
          tags: TAGS,
          summary: 'Put an atom',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          body: NewAtomSchema,
          response: answers({ 201: AtomSchema }),
        },
      },
      async (request, reply) => {
        const { id } = callerOf(request);
        return reply
          .code(201)
          .send(await db.as(id, (tx) => putAtom(tx, userActor(id), request.params.id, request.body)));
      },
    );

    app.get(
      '/v1/spaces/:id/atoms/:atom',
      {
        schema: {
          tags: TAGS,
          summary: 'One atom',
          params: AtomParamsSchema,
          querystring: NoQuerySchema,
          response: answers({ 200: AtomSchema }),
        },
      },
      async (request) => {
        const { id } = callerOf(request);
        return db.as(id, (tx) => getAtom(tx, userActor(id), request.params.id, request.params.atom));
      },
    );

    app.patch(
      '/v1/spaces/:id/atoms/:atom',
      {
        schema: {
          tags: TAGS,
          summary: 'Change an atom; the old version stays in its history',
          params: AtomParamsSchema,
          querystring: NoQuerySchema,
          body: AtomPatchSchema,
          response: answers({ 200: AtomSchema }),
        },
      },
      async (request) => {
        const { id } = callerOf(request);
        return db.as(id, (tx) => updateAtom(tx, userActor(id), request.params.id, request.params.atom, request.body));
      },
    );

    app.get(
      '/v1/spaces/:id/atoms/:atom/history',
      {
        schema: {
          tags: TAGS,
          summary: 'Every version, newest first; a page also ends at about 8 MiB of payloads',
          params: AtomParamsSchema,
          querystring: PageQuerySchema,
          response: answers({ 200: listOf(VersionSchema) }),
        },
      },
      async (request) => {
        const { id } = callerOf(request);
        const { items, ...more } = await db.as(id, (tx) =>
          atomHistory(tx, userActor(id), request.params.id, request.params.atom, compact(request.query)),
        );
        return { items: items.map(presentVersion), ...more };
      },
    );

    for (const [act, deprecated, summary] of MARKS)
      app.post(
        `/v1/spaces/:id/atoms/:atom/${act}`,
        {
          schema: {
            tags: TAGS,
            summary,
            params: AtomParamsSchema,
            querystring: NoQuerySchema,
            body: CommentedSchema,
            response: answers({ 200: AtomSchema }),
          },
        },
        async (request) => {
          const { id } = callerOf(request);
          return db.as(id, (tx) =>
            setDeprecated(tx, userActor(id), request.params.id, request.params.atom, deprecated, request.body.comment),
          );
        },
      );

    app.post(
      '/v1/spaces/:id/batch',
      {
        schema: {
          tags: TAGS,
          summary: 'Several changes in order: all of them, or none',
          params: IdParamsSchema,
          querystring: NoQuerySchema,
          body: BatchSchema,
          response: answers({ 200: BatchAnswerSchema }),
        },
      },
      async (request) => {
        const { id } = callerOf(request);
        const { operations } = request.body;
        const atoms = await db.as(id, (tx) => applyBatch(tx, userActor(id), request.params.id, operations));
        return { items: atoms.map((atom, index) => ({ ...namedIn(operations[index]), atom })) };
      },
    );
  };
}

const MARKS = [
  ['deprecate', true, 'Mark an atom as outdated'],
  ['restore', false, 'Take back that an atom is outdated'],
] as const;

/** By what the caller knows an operation of the batch again. */
function namedIn(operation: BatchOperation | undefined): { op: BatchOperation['op']; key?: string } {
  if (operation === undefined) throw new Error('the batch gave an atom without an operation');
  return operation.op === 'put' && operation.key !== undefined
    ? { op: 'put', key: operation.key }
    : { op: operation.op };
}

function presentVersion(atom: Atom): z.infer<typeof VersionSchema> {
  return {
    version: atom.version,
    author: atom.author,
    at: atom.updatedAt,
    comment: atom.comment,
    payload: atom.payload,
    mediaType: atom.mediaType,
    metadata: atom.metadata,
    references: atom.references,
    origin: atom.origin,
    deprecated: atom.deprecated,
  };
}
