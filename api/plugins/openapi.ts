import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { OpenAPIV3_1 } from 'openapi-types';
import { SESSION_COOKIE } from './auth.js';

const DOCS = '/docs';
const DOCS_POLICY =
  "default-src 'self'; base-uri 'self'; frame-ancestors 'none'; img-src 'self' data:; object-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'";
const FILE = { type: 'string', format: 'binary' } as const;

const ONE_FILE: OpenAPIV3_1.SchemaObject = { type: 'object', properties: { file: FILE }, required: ['file'] };

/** Bodies that stand beside the JSON body of a call or take its place. */
const BODIES: Readonly<Record<string, Readonly<Record<string, OpenAPIV3_1.SchemaObject>>>> = {
  '/v1/requests': {
    'multipart/form-data': {
      type: 'object',
      properties: {
        request: { $ref: '#/components/schemas/NewRequestInput' },
        file: { type: 'array', items: FILE, maxItems: 20 },
      },
    },
  },
  '/v1/files': { 'multipart/form-data': ONE_FILE },
  '/v1/spaces/import': { 'application/x-ndjson': { type: 'string' }, 'multipart/form-data': ONE_FILE },
};

const TAGS = [
  { name: 'requests', description: 'Messages to the assistant and what becomes of them' },
  { name: 'conversations', description: 'Threads of requests' },
  { name: 'files', description: 'Uploads and produced files' },
  { name: 'spaces', description: 'Shared content: spaces, atoms, search' },
  { name: 'catalogue', description: 'Skills, models and what they cost' },
  { name: 'people', description: 'Users and their settings' },
  { name: 'operations', description: 'Health' },
];

/** The description of this API at /openapi.json, and a page at /docs to read and try it. */
export async function registerOpenapi(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Retinue',
        version: '1',
        description:
          'One message in, one result out. Errors are problem+json with a stable type; lists take limit and cursor.',
      },
      tags: TAGS,
      security: [{ token: [] }, { browser: [] }],
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'The token of a user' },
          browser: {
            type: 'apiKey',
            in: 'cookie',
            name: SESSION_COOKIE,
            description: 'A browser that was signed in by its link',
          },
        },
      },
    },
    transform: jsonSchemaTransform,
    transformObject: (document) =>
      withoutDoubles(withBodies(jsonSchemaTransformObject(document) as OpenAPIV3_1.Document)) as ReturnType<
        typeof jsonSchemaTransformObject
      >,
  });
  app.addHook('onRoute', (route) => {
    if (!route.url.startsWith(DOCS)) return;
    route.config = { ...route.config, open: true };
  });
  await app.register(swaggerUi, {
    routePrefix: DOCS,
    staticCSP: DOCS_POLICY,
    uiConfig: { tryItOutEnabled: true },
  });
  app.get('/openapi.json', { config: { open: true }, schema: { hide: true } }, async (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(JSON.stringify(app.swagger())),
  );
}

function withBodies(document: OpenAPIV3_1.Document): OpenAPIV3_1.Document {
  const paths = Object.fromEntries(
    Object.entries(document.paths ?? {}).map(([path, item]) => {
      const bodies = BODIES[path];
      const post = item?.post;
      if (bodies === undefined || post === undefined) return [path, item];
      const before = post.requestBody !== undefined && 'content' in post.requestBody ? post.requestBody.content : {};
      return [
        path,
        {
          ...item,
          post: {
            ...post,
            requestBody: { required: true, content: { ...before, ...contentOf(bodies) } },
          },
        },
      ];
    }),
  );
  return { ...document, paths };
}

function contentOf(bodies: Readonly<Record<string, OpenAPIV3_1.SchemaObject>>) {
  return Object.fromEntries(Object.entries(bodies).map(([type, schema]) => [type, { schema }]));
}

const INPUT_REF = /"#\/components\/schemas\/(\w+)Input"/g;

/** Each schema once: what is sent and what is answered are mostly the same, and the generator lists both. */
function withoutDoubles(document: OpenAPIV3_1.Document): OpenAPIV3_1.Document {
  const schemas = document.components?.schemas ?? {};
  const joined = (schema: unknown): string => JSON.stringify(schema).replace(INPUT_REF, '"#/components/schemas/$1"');
  const differs = (name: string): boolean => joined(schemas[`${name}Input`]) !== joined(schemas[name]);
  const text = JSON.stringify(document).replace(INPUT_REF, (ref, name: string) =>
    differs(name) ? ref : `"#/components/schemas/${name}"`,
  );
  const joinedDocument = JSON.parse(text) as OpenAPIV3_1.Document;
  const all = joinedDocument.components?.schemas ?? {};
  const used = reachable(JSON.stringify(joinedDocument.paths), all);
  return {
    ...joinedDocument,
    components: {
      ...joinedDocument.components,
      schemas: Object.fromEntries(Object.entries(all).filter(([name]) => used.has(name))),
    },
  };
}

/** Names of the schemas that a text refers to, and those that they refer to. */
function reachable(text: string, schemas: Readonly<Record<string, unknown>>): Set<string> {
  const found = new Set<string>();
  const texts = [text];
  for (let next = texts.pop(); next !== undefined; next = texts.pop()) {
    for (const [, name = ''] of next.matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      if (found.has(name)) continue;
      found.add(name);
      texts.push(JSON.stringify(schemas[name] ?? {}));
    }
  }
  return found;
}
