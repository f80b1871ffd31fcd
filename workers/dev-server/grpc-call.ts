import type { ConnectionLike } from '@temporalio/client';

/** The gRPC status codes these calls care about, by their numbers on the wire. */
export const GRPC = {
  invalidArgument: 3,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  unimplemented: 12,
  unauthenticated: 16,
} as const;

const CALL_LIMIT_MS = 10_000;

/** Runs a call of one of the connection's services with a deadline of 10 s. */
export function withinLimit<R>(connection: ConnectionLike, call: () => Promise<R>): Promise<R> {
  return connection.withDeadline(Date.now() + CALL_LIMIT_MS, call);
}

/** The gRPC status code an error carries, whichever kind of connection threw it; undefined for other errors. */
export function grpcCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'number' ? error.code : undefined;
}
