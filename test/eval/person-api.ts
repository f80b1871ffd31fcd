import { setTimeout as delay } from 'node:timers/promises';
import type { Approval } from '../../contracts/approval.js';
import type { NewRequest, Request, TraceNode } from '../../contracts/request.js';
import type { Atom, NewAtom, Space, SpaceRole } from '../../contracts/space.js';
import type { User, UserPatch } from '../../contracts/user.js';

/** The HTTP API as one person uses it. Every call throws when the answer is not the expected one. */
export interface PersonApi {
  readonly user: string;
  patchMe(patch: UserPatch): Promise<User>;
  /** Id of the space the person was born with for this role. */
  spaceOf(role: SpaceRole): Promise<string>;
  put(space: string, atom: NewAtom): Promise<Atom>;
  /** All atoms that are not deprecated. */
  atoms(space: string): Promise<Atom[]>;
  /** Sends a message and waits until the request has ended or waits for the person; returns it as it is after `limitMs` at the latest. */
  ask(request: NewRequest, limitMs: number): Promise<Request>;
  approvals(request: string): Promise<Approval[]>;
  trace(request: string): Promise<TraceNode>;
}

const PAGE = 200;
const CALL_MS = 60_000;
const LONGEST_WAIT_SECONDS = 60;
const LOOK_MS = 100;
const AT_REST = new Set<Request['status']>(['waiting_approval', 'waiting_user', 'completed', 'failed', 'cancelled']);

/** Makes a person of their own on an installation, so that what others have said is out of sight. */
export async function addPerson(
  installation: { readonly url: string; readonly ownerToken: string },
  name: string,
): Promise<PersonApi> {
  const owner = caller(installation.url, installation.ownerToken);
  const { id, token } = await owner<User & { token: string }>('POST', '/v1/users', { name });
  return personApi(id, caller(installation.url, token));
}

type Call = <T>(method: 'GET' | 'POST' | 'PATCH', path: string, body?: unknown) => Promise<T>;

function caller(url: string, token: string): Call {
  return async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(CALL_MS + LONGEST_WAIT_SECONDS * 1_000),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} was answered ${response.status}: ${text}`);
    return JSON.parse(text) as T;
  };
}

function personApi(user: string, call: Call): PersonApi {
  const all = async <T>(path: string): Promise<T[]> => {
    const items: T[] = [];
    let cursor: string | undefined;
    do {
      const more = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page = await call<{ items: T[]; cursor?: string }>('GET', `${path}limit=${PAGE}${more}`);
      items.push(...page.items);
      cursor = page.cursor;
    } while (cursor !== undefined);
    return items;
  };
  return {
    user,
    patchMe: (patch) => call('PATCH', '/v1/me', patch),
    async spaceOf(role) {
      const [space] = await all<Space>(`/v1/spaces?role=${role}&`);
      if (space === undefined) throw new Error(`there is no space with the role ${role}`);
      return space.id;
    },
    put: (space, atom) => call('POST', `/v1/spaces/${space}/atoms`, atom),
    atoms: (space) => all(`/v1/spaces/${space}/atoms?`),
    async ask(request, limitMs) {
      const end = Date.now() + limitMs;
      const seconds = Math.max(1, Math.min(LONGEST_WAIT_SECONDS, Math.ceil(limitMs / 1_000)));
      let view = await call<Request>('POST', `/v1/requests?wait=${seconds}`, request);
      while (!AT_REST.has(view.status) && Date.now() < end) {
        await delay(LOOK_MS);
        view = await call<Request>('GET', `/v1/requests/${view.id}`);
      }
      return view;
    },
    approvals: (request) => all(`/v1/approvals?request=${request}&`),
    trace: (request) => call('GET', `/v1/requests/${request}/trace`),
  };
}
