import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiHarness, openApi } from './harness.js';

interface Operation {
  responses: Record<string, { content?: Record<string, { schema: object }> }>;
  requestBody?: { content: Record<string, { schema: object }> };
  security?: unknown[];
  summary?: string;
  parameters?: { name: string; in: string }[];
}
interface Description {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
}

let api: ApiHarness;
let description: Description;
let text: string;
beforeAll(async () => {
  api = await openApi();
  const answer = await api.call({ url: '/openapi.json', token: null });
  text = answer.body;
  description = answer.json();
});
afterAll(() => api.close());

const EXPECTED = `
get /health/live
get /health/ready
get post /v1/requests
get /v1/requests/{id}
get /v1/requests/{id}/trace
get /v1/requests/{id}/effects
get /v1/requests/{id}/events
post /v1/requests/{id}/messages
post /v1/requests/{id}/cancel
post /v1/calls/{id}/undo
get /v1/approvals
get post /v1/approvals/{id}
post /v1/approvals/batch
get post /v1/policies
delete /v1/policies/{id}
get /v1/conversations
get /v1/conversations/{id}
post /v1/files
delete get /v1/files/{id}
get post /v1/spaces
delete get patch /v1/spaces/{id}
post /v1/spaces/{id}/fork
post /v1/spaces/{id}/batch
get /v1/spaces/{id}/grants
delete put /v1/spaces/{id}/grants/{principal}
get /v1/spaces/{id}/subscriptions
delete put /v1/spaces/{id}/subscriptions/{agent}
get /v1/spaces/{id}/events
get /v1/spaces/{id}/export
post /v1/spaces/import
get /v1/agents
delete get patch /v1/agents/{id}
get post /v1/agents/{id}/inbox
post /v1/spaces/{id}/search
post /v1/search
get post /v1/spaces/{id}/atoms
get patch /v1/spaces/{id}/atoms/{atom}
get /v1/spaces/{id}/atoms/{atom}/history
post /v1/spaces/{id}/atoms/{atom}/deprecate
post /v1/spaces/{id}/atoms/{atom}/restore
get post /v1/reminders
delete get patch /v1/reminders/{id}
post /v1/reminders/preview
get post /v1/triggers
delete get patch /v1/triggers/{id}
post /webhooks/{channel}
get /v1/announcements
get /v1/skills
get /v1/models
get /v1/charges
get /v1/wallet
post /v1/wallet/credits
get post /v1/users
get patch /v1/me
post /v1/me/erase
post /v1/users/{id}/erase`;

function operations(): [string, Operation][] {
  return Object.entries(description.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]): [string, Operation] => [`${method} ${path}`, operation]),
  );
}

test('the description is OpenAPI 3.1 and lists every route', () => {
  expect(description.openapi).toBe('3.1.0');
  const lines = Object.entries(description.paths).map(
    ([path, item]) => `${Object.keys(item).toSorted().join(' ')} ${path}`,
  );
  expect(lines.toSorted()).toEqual(EXPECTED.trim().split('\n').toSorted());
});

test('every reference is there and nothing is there twice', () => {
  const references = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1] ?? '');
  const names = new Set(Object.keys(description.components.schemas).map((name) => `#/components/schemas/${name}`));
  expect(references.filter((reference) => !names.has(reference))).toEqual([]);
  expect(Object.keys(description.components.schemas).filter((name) => name.endsWith('Input'))).toEqual([]);
  for (const name of [
    'Request',
    'NewRequest',
    'Problem',
    'Event',
    'TraceNode',
    'Atom',
    'Space',
    'SpaceGrant',
    'SpaceEvent',
    'Subscription',
    'Delivery',
    'Erasure',
    'User',
    'File',
    'Charge',
    'Agent',
    'AgentChange',
    'NewNote',
    'Note',
    'Approval',
    'Decision',
    'BatchDecision',
    'NewPolicy',
    'Policy',
    'Effect',
    'Reminder',
    'NewReminder',
    'ReminderPatch',
    'Trigger',
    'NewTrigger',
    'TriggerPatch',
    'MadeTrigger',
  ])
    expect(Object.keys(description.components.schemas)).toContain(name);
});

test('every schema can be compiled', () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema({ $id: 'api', components: description.components });
  const schemas = operations()
    .flatMap(([, operation]) => [
      ...Object.values(operation.responses),
      ...(operation.requestBody === undefined ? [] : [operation.requestBody]),
    ])
    .flatMap((part) => Object.values(part.content ?? {}));
  expect(schemas.length).toBeGreaterThan(60);
  for (const { schema } of schemas)
    expect(() =>
      ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"api#/components')) as object),
    ).not.toThrow();
});

test('every call has a summary, answers with a schema, and tells its problems as problem+json', () => {
  for (const [name, operation] of operations()) {
    expect([name, operation.summary]).toEqual([name, expect.any(String)]);
    for (const [status, answer] of Object.entries(operation.responses))
      expect([name, status, Object.keys(answer.content ?? {})]).toEqual([name, status, [expect.any(String)]]);
    const isHealth = name.includes('/health/');
    expect([name, operation.responses['default']?.content?.['application/problem+json']]).toEqual([
      name,
      isHealth ? undefined : { schema: { $ref: '#/components/schemas/Problem' } },
    ]);
    expect([name, operation.security?.length]).toEqual([name, isHealth || name.includes('/webhooks/') ? 0 : undefined]);
  }
});

test('every call but the open ones needs a token, or a signature', async () => {
  for (const [name] of operations()) {
    const [method = '', path = ''] = name.split(' ');
    const url = path.replaceAll(/\{\w+\}/g, 'x_0');
    const { statusCode } = await api.call({ method: method.toUpperCase() as 'GET', url, token: null });
    expect([name, statusCode]).toEqual([name, name.includes('/health/') ? 200 : 401]);
  }
});

test('forms are described beside JSON', () => {
  expect(Object.keys(description.paths['/v1/requests']?.['post']?.requestBody?.content ?? {})).toEqual([
    'application/json',
    'multipart/form-data',
  ]);
  expect(Object.keys(description.paths['/v1/files']?.['post']?.requestBody?.content ?? {})).toEqual([
    'multipart/form-data',
  ]);
  expect(Object.keys(description.paths['/v1/spaces/import']?.['post']?.requestBody?.content ?? {})).toEqual([
    'application/x-ndjson',
    'multipart/form-data',
  ]);
  expect(Object.keys(description.paths['/v1/requests/{id}/events']?.['get']?.responses['200']?.content ?? {})).toEqual([
    'text/event-stream',
  ]);
});

test('what the server answers is what the description says', async () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema({ $id: 'api', components: description.components });
  const made = await api.call({ method: 'POST', url: '/v1/requests', payload: { text: 'Hello' } });
  const validate = ajv.getSchema('api#/components/schemas/Request');
  expect(validate?.(made.json())).toBe(true);
  const problem = ajv.getSchema('api#/components/schemas/Problem');
  expect(problem?.((await api.call({ url: '/v1/requests?limit=0' })).json())).toBe(true);
});
