import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ProblemError } from '../../contracts/problem.js';
import { plainProblem, type Problem, problemBody, problemOf } from '../problem.js';

const RETRY_AFTER_SECONDS = 5;

/** Every refusal leaves as problem+json; an error of ours leaves as a bare 500 and is logged whole. */
export function registerErrors(app: FastifyInstance): void {
  const methods = collectRoutes(app);
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply));
  app.setNotFoundHandler((request, reply) => {
    const allowed = methods(request.url);
    if (allowed.length === 0)
      return answerError(new ProblemError('not-found', 'There is nothing at this address.'), request, reply);
    return sendProblem(
      reply.header('allow', allowed.join(', ')),
      plainProblem(405, 'Method not allowed', `This address takes ${allowed.join(', ')} only.`),
    );
  });
}

export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemOf(error);
  if (problem === undefined) {
    request.log.error({ err: error, route: request.routeOptions.url }, 'a call failed');
    return sendProblem(reply, plainProblem(500, 'Internal error', 'Something went wrong here. It has been logged.'));
  }
  if (problem.type === 'unavailable') {
    request.log.warn({ err: problem.cause ?? problem, route: request.routeOptions.url }, 'a call was refused for now');
    reply.header('retry-after', String(RETRY_AFTER_SECONDS));
  }
  if (problem.type === 'unauthorised') reply.header('www-authenticate', 'Bearer');
  // What is left of a body that was refused half-way is not read any more.
  if (problem.type === 'too-large') reply.header('connection', 'close');
  return sendProblem(reply, problemBody(problem));
}

function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply
    .code(problem.status)
    .header('cache-control', 'no-store')
    .type('application/problem+json; charset=utf-8')
    .send(JSON.stringify(problem));
}

/** Answers which methods an address takes, so that a wrong method is told apart from a wrong address. */
function collectRoutes(app: FastifyInstance): (url: string) => string[] {
  const routes: { pattern: RegExp; methods: string[] }[] = [];
  app.addHook('onRoute', (route) => {
    routes.push({ pattern: patternOf(route.url), methods: [route.method].flat() });
  });
  return (url) => {
    const path = url.split('?')[0] ?? '';
    return [...new Set(routes.filter((route) => route.pattern.test(path)).flatMap((route) => route.methods))];
  };
}

function patternOf(url: string): RegExp {
  const parts = url.split('/').map((part) => {
    if (part.startsWith(':')) return '[^/]+';
    return part === '*' ? '.+' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('/')}$`);
}
