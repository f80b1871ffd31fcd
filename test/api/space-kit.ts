import type { LightMyRequestResponse } from 'fastify';
import { expect } from 'vitest';
import type { Atom, Permission, Space } from '../../contracts/space.js';
import type { ApiHarness } from './harness.js';
import { newRequest } from './progress.js';

export interface Person {
  readonly id: string;
  readonly token: string;
}

/** Calls of one person on spaces that have to succeed, and the plain call for those that may not. */
export interface SpaceClient {
  call(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    url: string,
    payload?: unknown,
  ): Promise<LightMyRequestResponse>;
  space(more?: Record<string, unknown>): Promise<Space>;
  put(space: string, payload: unknown, more?: Record<string, unknown>): Promise<Atom>;
  patch(atom: Pick<Atom, 'id' | 'space'>, change: Record<string, unknown>): Promise<Atom>;
  share(space: string, principal: string, permission: Permission): Promise<void>;
  /** An agent of the person's own. */
  agent(): Promise<string>;
}

export function spaceClient(api: ApiHarness, { id, token }: Person): SpaceClient {
  const client: SpaceClient = {
    call: (method, url, payload) =>
      api.call({
        method,
        url,
        token,
        ...(payload === undefined ? {} : { payload: payload as Record<string, unknown> }),
      }),
    space: async (more) => good(await client.call('POST', '/v1/spaces', { name: 'Garden', ...more }), 201),
    put: async (space, payload, more) =>
      good(await client.call('POST', `/v1/spaces/${space}/atoms`, { payload, comment: 'planted', ...more }), 201),
    patch: async ({ id: atom, space }, change) =>
      good(await client.call('PATCH', `/v1/spaces/${space}/atoms/${atom}`, { comment: 'changed', ...change }), 200),
    share: async (space, principal, permission) => {
      good(await client.call('PUT', `/v1/spaces/${space}/grants/${principal}`, { permission }), 200);
    },
    agent: async () => (await newRequest(api.engine, id)).agent,
  };
  return client;
}

/** The body of an answer that must have this status. */
export function good<T>(answer: LightMyRequestResponse, status: number): T {
  expect([answer.statusCode, answer.body.slice(0, 500)]).toEqual([status, expect.any(String)]);
  return answer.json<T>();
}
