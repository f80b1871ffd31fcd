import type { FastifyRequest } from 'fastify';
import type { ChannelAdapter } from '../../contracts/channel.js';
import type { NewRequest } from '../../contracts/request.js';
import type { IncomingFile } from '../../engine/files.js';
import { callerOf } from '../plugins/auth.js';

type HttpDelivery = Pick<FastifyRequest, 'incomingFiles'> & {
  readonly body: NewRequest;
  readonly headers: { readonly 'idempotency-key'?: string | undefined };
} & Parameters<typeof callerOf>[0];

/** The API as a channel: the token says who, the idempotency key which delivery; answers are read, not sent. */
export const httpChannel: ChannelAdapter<HttpDelivery, IncomingFile> = {
  channel: 'http',
  receive: (delivery) => ({
    user: callerOf(delivery).id,
    body: delivery.body,
    files: delivery.incomingFiles ?? [],
    deliveryId: delivery.headers['idempotency-key'],
  }),
};
