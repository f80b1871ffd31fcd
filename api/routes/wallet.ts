import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { NewCreditSchema, WalletSchema } from '../../contracts/wallet.js';
import { getWallet, giveCredit } from '../../engine/wallet.js';
import { callerOf } from '../plugins/auth.js';
import { answers, KeyHeadersSchema, NoQuerySchema } from '../schemas.js';
import type { RouteParts } from './parts.js';

const TAGS = ['money'];

/** What there is to spend and what was spent. */
export function walletRoutes({ deps }: RouteParts): FastifyPluginAsyncZod {
  const { engine } = deps;
  return async (app) => {
    app.get(
      '/v1/wallet',
      {
        schema: {
          tags: TAGS,
          summary: 'My wallet: what is left, what is reserved, what was spent',
          querystring: NoQuerySchema,
          response: answers({ 200: WalletSchema }),
        },
      },
      async (request) => getWallet(engine, callerOf(request).id),
    );

    app.post(
      '/v1/wallet/credits',
      {
        schema: {
          tags: TAGS,
          summary: 'Give credit to a user; for the owner. The first credit limits a wallet',
          headers: KeyHeadersSchema,
          querystring: NoQuerySchema,
          body: NewCreditSchema,
          response: answers({ 201: WalletSchema }),
        },
      },
      async (request, reply) => {
        const key = request.headers['idempotency-key'];
        return reply.code(201).send(await giveCredit(engine, callerOf(request), request.body, key));
      },
    );
  };
}
