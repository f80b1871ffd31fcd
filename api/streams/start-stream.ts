import type { FastifyReply } from 'fastify';
import { z } from 'zod';

const NumberTextSchema = z.string().regex(/^\d{1,15}$/, 'must be the id of an event');

/** How a reader says which event it has got to. */
export const ResumeHeadersSchema = z.looseObject({ 'last-event-id': NumberTextSchema.optional() });
export const ResumeQuerySchema = z.strictObject({
  after: NumberTextSchema.optional().describe('As the header Last-Event-ID, for clients that cannot send it.'),
});

/** Takes the answer out of the framework's hands; the signal fires when the reader leaves or the server closes. */
export function startStream(reply: FastifyReply, closing: AbortSignal): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  reply.hijack();
  const headers = Object.entries(reply.getHeaders()).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  reply.raw.writeHead(200, {
    ...Object.fromEntries(headers),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
    connection: 'close',
  });
  reply.raw.write('retry: 1000\n\n');
  return AbortSignal.any([gone.signal, closing]);
}
