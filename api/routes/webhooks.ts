import type { FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { IdSchema } from '../../contracts/text.js';
import { isSigned } from '../../engine/triggers/signatures.js';
import { badSignature, receiveDelivery } from '../../engine/triggers/webhooks.js';
import { answers } from '../schemas.js';
import type { RouteParts } from './parts.js';

const MOST_BYTES = 1024 * 1024;

const ChannelSchema = z.strictObject({ channel: IdSchema.describe('The id of the trigger.') });
const StartedSchema = z.object({ request: z.string().describe('What the delivery became.') });
const IgnoredSchema = z.object({
  ignored: z
    .enum(['duplicate', 'disabled', 'cooldown'])
    .describe('It came before, the trigger is switched off, or it has fired within its cool-down.'),
});

/** Calls from other services. What is signed are the bytes as they came, so nothing reads them before they are proven. */
export function webhookRoutes({ deps }: RouteParts): FastifyPluginAsyncZod {
  const { engine, sealing } = deps;
  return async (app) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: MOST_BYTES },
      async (_request: FastifyRequest, body: Buffer) => body,
    );

    app.post(
      '/webhooks/:channel',
      {
        config: { open: true },
        bodyLimit: MOST_BYTES,
        // After the limit of calls and before the body.
        preParsing: async (request) => {
          if (!isSigned(request.headers)) throw badSignature();
        },
        schema: {
          tags: ['triggers'],
          summary:
            'A delivery to a webhook: 202 when it became a request, 200 when it changes nothing. Signed as Standard Webhooks or with X-Hub-Signature-256; without a signed id the same body counts as sent before for a day',
          security: [],
          params: ChannelSchema,
          response: answers({ 200: IgnoredSchema, 202: StartedSchema }),
        },
      },
      async (request, reply) => {
        if (sealing === undefined) throw badSignature();
        const { body, headers } = request;
        const delivery = { headers, body: Buffer.isBuffer(body) ? body : Buffer.alloc(0) };
        const received = await receiveDelivery(engine, sealing(), request.params.channel, delivery, Date.now());
        return 'request' in received ? reply.code(202).send(received) : reply.code(200).send(received);
      },
    );
  };
}
