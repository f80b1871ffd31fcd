import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ProblemError } from '../../contracts/problem.js';
import type { ApiSettings } from '../deps.js';

const READS_A_MINUTE = 6_000;
const WRITES_A_MINUTE = 600;
const FAILURES_A_MINUTE = 60;
const READING = new Set(['GET', 'HEAD']);

/** Counts a failed sign-in against its address; throws `rate-limited` when there were too many. */
export type FailureLimit = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

/** Bounds what one user may ask for in a minute, reading and changing counted apart, and how often an address may fail to sign in. */
export async function registerRateLimit(app: FastifyInstance, limits: ApiSettings['rateLimit']): Promise<FailureLimit> {
  const reads = limits?.reads ?? READS_A_MINUTE;
  const writes = limits?.writes ?? WRITES_A_MINUTE;
  await app.register(rateLimit, {
    global: true,
    timeWindow: 60_000,
    max: (request) => (READING.has(request.method) ? reads : writes),
    keyGenerator: (request) =>
      `${READING.has(request.method) ? 'reads' : 'writes'} ${request.signedIn?.id ?? request.ip}`,
    errorResponseBuilder: (_request, context) => tooMany(context.ttl),
  });
  const failures = app.createRateLimit({
    max: limits?.failures ?? FAILURES_A_MINUTE,
    timeWindow: 60_000,
    keyGenerator: (request: FastifyRequest) => request.ip,
  });
  return async (request, reply) => {
    const counted = await failures(request);
    if (counted.isAllowed || !counted.isExceeded) return;
    reply.header('retry-after', String(counted.ttlInSeconds));
    throw tooMany(counted.ttl);
  };
}

function tooMany(ttlMs: number): ProblemError {
  return new ProblemError(
    'rate-limited',
    `Too many calls. Try again in ${Math.max(1, Math.ceil(ttlMs / 1000))} seconds.`,
  );
}
