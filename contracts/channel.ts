import type { NewRequest } from './request.js';

/** One message that reached us, whatever brought it. */
export interface ChannelMessage<File> {
  /** From the channel's own identity of the sender, never from the message. */
  readonly user: string;
  readonly body: NewRequest;
  readonly files: readonly File[];
  /** The channel's own id of the delivery: the same one twice is one request. */
  readonly deliveryId?: string | undefined;
}

/** A way for people to reach us. Each channel has one adapter; what it makes of a delivery goes one common way from there. */
export interface ChannelAdapter<Delivery, File> {
  /** Kept with the request, so that what comes of it can go back the same way. */
  readonly channel: string;
  receive(delivery: Delivery): ChannelMessage<File>;
}
