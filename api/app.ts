import helmet from '@fastify/helmet';
import Fastify, { type FastifyInstance, LogController } from 'fastify';
import { serializerCompiler } from 'fastify-type-provider-zod';
import type { ApiDeps } from './deps.js';
import { registerAuth } from './plugins/auth.js';
import { answerError, registerErrors } from './plugins/errors.js';
import { MOST_JSON_BYTES, registerJsonBody } from './plugins/json-body.js';
import { registerMetrics } from './plugins/metrics.js';
import { registerMultipart } from './plugins/multipart.js';
import { registerOpenapi } from './plugins/openapi.js';
import { registerRateLimit } from './plugins/rate-limit.js';
import { agentRoutes } from './routes/agents.js';
import { announcementRoutes } from './routes/announcements.js';
import { atomRoutes } from './routes/atoms.js';
import { approvalRoutes } from './routes/approvals.js';
import { catalogueRoutes } from './routes/catalogue.js';
import { conversationRoutes } from './routes/conversations.js';
import { erasureRoutes } from './routes/erasure.js';
import { fileRoutes } from './routes/files.js';
import { healthRoutes } from './routes/health.js';
import { reminderRoutes } from './routes/reminders.js';
import { requestEventRoutes } from './routes/request-events.js';
import { requestRoutes } from './routes/requests.js';
import { signInRoutes } from './routes/sign-in.js';
import { spaceEventRoutes } from './routes/space-events.js';
import { spaceSharingRoutes } from './routes/space-sharing.js';
import { spaceTransferRoutes } from './routes/space-transfer.js';
import { spaceRoutes } from './routes/spaces.js';
import { steeringRoutes } from './routes/steering.js';
import { triggerRoutes } from './routes/triggers.js';
import { userRoutes } from './routes/users.js';
import { walletRoutes } from './routes/wallet.js';
import { webhookRoutes } from './routes/webhooks.js';
import { RequestWatch } from './streams/request-watch.js';
import { Streams } from './streams/start-stream.js';
import { validatorCompiler } from './validation.js';

export type { ApiDeps, ApiSettings, ModelInfo, Readiness, SkillInfo } from './deps.js';

/** Head of a call, and the whole of it: the largest file over a slow line. */
const HEAD_MS = 30_000;
const RECEIVE_MS = 150_000;
/** Longer than the longest `?wait`, so that a quiet connection is not taken for a dead one. */
const QUIET_MS = 90_000;
const KEEP_ALIVE_MS = 65_000;
const HANDLE_MS = 30_000;

/** The web server of one process, not listening yet. Closing it ends its event streams and waiting calls first. */
export function createApi(deps: ApiDeps): FastifyInstance {
  const app = Fastify({
    ...(deps.logger === undefined ? { logger: false } : { loggerInstance: deps.logger }),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MOST_JSON_BYTES,
    requestTimeout: RECEIVE_MS,
    connectionTimeout: QUIET_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    handlerTimeout: HANDLE_MS,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: (error, request, reply) => void answerError(error, request, reply),
  });
  app.server.headersTimeout = HEAD_MS;
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  registerErrors(app);
  const parseJson = registerJsonBody(app);
  // Runs before the server is ready; what fails here fails `ready()` and `listen()`.
  app.register(async (root) => registerEverything(root, deps, parseJson));
  return app;
}

async function registerEverything(
  app: FastifyInstance,
  deps: ApiDeps,
  parseJson: (text: string) => unknown,
): Promise<void> {
  const closing = new AbortController();
  app.addHook('preClose', async () => closing.abort());
  app.addHook('onSend', async (_request, reply) => {
    if (closing.signal.aborted) reply.header('connection', 'close');
  });
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    strictTransportSecurity: deps.settings.publicUrl.startsWith('https:'),
    crossOriginEmbedderPolicy: false,
  });
  const failures = await registerRateLimit(app, deps.settings.rateLimit);
  const isSignedIn = registerAuth(app, deps, failures);
  await registerMultipart(app, parseJson);
  await registerOpenapi(app);
  registerMetrics(app, deps);
  const parts = {
    deps,
    closing: closing.signal,
    watch: new RequestWatch(deps.engine, deps.bus, app.log),
    streams: new Streams(closing.signal, isSignedIn),
  };
  for (const routes of ROUTES) await app.register(routes(parts));
}

const ROUTES = [
  healthRoutes,
  signInRoutes,
  requestRoutes,
  requestEventRoutes,
  steeringRoutes,
  approvalRoutes,
  conversationRoutes,
  fileRoutes,
  spaceRoutes,
  atomRoutes,
  spaceSharingRoutes,
  spaceEventRoutes,
  spaceTransferRoutes,
  agentRoutes,
  reminderRoutes,
  triggerRoutes,
  webhookRoutes,
  announcementRoutes,
  catalogueRoutes,
  userRoutes,
  erasureRoutes,
  walletRoutes,
];
