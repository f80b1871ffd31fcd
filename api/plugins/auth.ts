import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ProblemError } from '../../contracts/problem.js';
import { authenticate, authenticateSession, type SignedIn } from '../../engine/users.js';
import type { ApiDeps } from '../deps.js';
import { refuseForeignOrigin, refuseForgery } from './origin.js';
import type { FailureLimit } from './rate-limit.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls; null on the few addresses that are open to everybody. */
    signedIn: SignedIn | null;
  }
  interface FastifyContextConfig {
    /** Needs no token. */
    open?: boolean;
    /** For the owner of the installation only. */
    ownerOnly?: boolean;
  }
}

export const SESSION_COOKIE = 'retinue_session';

/** How long a token that was good is taken to be good: a revoked one ends within this time. */
const TRUST_MS = 500;
const MOST_TRUSTED = 1_000;

/** Whether the caller of a call that is not open is still signed in, by what the call brought. */
export type StillSignedIn = (request: FastifyRequest) => Promise<boolean>;

/**
 * Every call but the open ones needs a bearer token, or the cookie of a signed-in browser from our own pages. What comes
 * back asks again, for answers that go on for long.
 */
export function registerAuth(app: FastifyInstance, deps: ApiDeps, failures: FailureLimit): StillSignedIn {
  const lookUp = createLookUp(deps);
  app.decorateRequest('signedIn', null);
  app.addHook('onRequest', async (request, reply) => {
    refuseForeignOrigin(request, deps.settings.publicUrl);
    if (request.routeOptions.config.open === true || request.is404) return;
    const user = await lookUp(request);
    if (user === undefined) {
      if (request.headers.authorization !== undefined) await failures(request, reply);
      throw new ProblemError('unauthorised', 'This needs a token: send the header Authorization: Bearer TOKEN.');
    }
    if (request.routeOptions.config.ownerOnly === true && !user.isOwner)
      throw new ProblemError('forbidden', 'This is for the owner of the installation only.');
    request.signedIn = user;
  });
  return async (request) => (await lookUp(request))?.id === callerOf(request).id;
}

/** The caller of an address that is not open. */
export function callerOf(request: FastifyRequest): SignedIn {
  if (request.signedIn === null) throw new Error('the route is open and has no caller');
  return request.signedIn;
}

function createLookUp(deps: ApiDeps): (request: FastifyRequest) => Promise<SignedIn | undefined> {
  const trusted = new TrustedTokens();
  return async (request) => {
    const bearer = /^Bearer +([\x21-\x7e]{1,512}) *$/i.exec(request.headers.authorization ?? '')?.[1];
    if (bearer !== undefined) {
      return trusted.remember(`bearer ${bearer}`, async () => (await authenticate(deps.engine, bearer))?.user);
    }
    const session = request.headers.authorization === undefined ? cookieOf(request, SESSION_COOKIE) : undefined;
    if (session === undefined) return undefined;
    refuseForgery(request, deps.settings.publicUrl);
    return trusted.remember(`session ${session}`, async () => (await authenticateSession(deps.engine, session))?.user);
  };
}

/** Spares the database the same question many times a second. Only good answers are kept, and not for long. */
class TrustedTokens {
  readonly #known = new Map<string, { user: SignedIn; until: number }>();

  async remember(key: string, ask: () => Promise<SignedIn | undefined>): Promise<SignedIn | undefined> {
    const known = this.#known.get(key);
    if (known !== undefined && known.until > Date.now()) return known.user;
    this.#known.delete(key);
    const asked = Date.now();
    const user = await ask();
    if (user === undefined) return undefined;
    if (this.#known.size >= MOST_TRUSTED) this.#known.delete(this.#known.keys().next().value ?? '');
    this.#known.set(key, { user, until: asked + TRUST_MS });
    return user;
  }
}

function cookieOf(request: FastifyRequest, name: string): string | undefined {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const [key, value] = pair.trim().split('=');
    if (key === name && value !== undefined && /^[\w-]{1,512}$/.test(value)) return value;
  }
  return undefined;
}
