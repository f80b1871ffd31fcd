import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { readGauges } from '../../engine/gauges.js';
import type { ApiDeps } from '../deps.js';

/** Numbers for Prometheus: calls by route, open requests, what waits for people, actions outside, commands not delivered, charges, the process itself. */
export function registerMetrics(app: FastifyInstance, deps: ApiDeps): void {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const durations = new Histogram({
    name: 'retinue_http_duration_seconds',
    help: 'Time to answer a call, by route, method and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
    registers: [registry],
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    const status = String(reply.raw.statusCode);
    durations.observe({ method: request.method, route, status }, reply.elapsedTime / 1000);
    request.log.debug({ method: request.method, route, status, ms: Math.round(reply.elapsedTime) }, 'answered');
  });
  const refresh = createGauges(registry, deps);
  app.get('/metrics', { config: { ownerOnly: true }, schema: { hide: true } }, async (_request, reply) => {
    await refresh();
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}

function createGauges(registry: Registry, deps: ApiDeps): () => Promise<void> {
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const requests = gauge('retinue_open_requests', 'Requests that have not ended, by status.', ['status']);
  const outbox = gauge('retinue_outbox_depth', 'Commands to workflows that are not delivered yet.');
  const approvals = gauge('retinue_pending_approvals', 'Questions that wait for a person.');
  const effects = gauge('retinue_effects', 'Actions outside, by what is known of them.', ['status']);
  const charges = gauge('retinue_charges_total', 'Charges booked so far.');
  const usd = gauge('retinue_charges_usd_total', 'Sum of all charges in USD.');
  return async () => {
    const now = await readGauges(deps.engine);
    for (const [status, count] of Object.entries(now.requestsByStatus)) requests.set({ status }, count);
    outbox.set(now.undelivered);
    approvals.set(now.pendingApprovals);
    for (const [status, count] of Object.entries(now.effects)) effects.set({ status }, count);
    charges.set(now.charges.count);
    usd.set(now.charges.usd);
  };
}
