import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionLike } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import proto from '@temporalio/proto';
import { GRPC, grpcCode, withinLimit } from './grpc-call.js';

const TYPES = proto.temporal.api.enums.v1.IndexedValueType;
type AttributeTypes = Record<string, proto.temporal.api.enums.v1.IndexedValueType>;

/** What people can search runs by in the Temporal web UI. */
const SEARCH_ATTRIBUTES: AttributeTypes = {
  RetinueUser: TYPES.INDEXED_VALUE_TYPE_KEYWORD,
  RetinueStatus: TYPES.INDEXED_VALUE_TYPE_KEYWORD,
  RetinueAgent: TYPES.INDEXED_VALUE_TYPE_KEYWORD,
  RetinueWaitingFor: TYPES.INDEXED_VALUE_TYPE_KEYWORD,
  RetinueCost: TYPES.INDEXED_VALUE_TYPE_DOUBLE,
};

const RETENTION_MS = 30 * 24 * 3600 * 1000;
const VISIBLE_LIMIT_MS = 10_000;
const REFUSALS: ReadonlySet<number | undefined> = new Set([
  GRPC.invalidArgument,
  GRPC.permissionDenied,
  GRPC.resourceExhausted,
  GRPC.failedPrecondition,
  GRPC.unimplemented,
  GRPC.unauthenticated,
]);

export interface PrepareNamespaceOptions {
  readonly connection: ConnectionLike;
  readonly namespace: string;
  /** True on the installation's own server: closed runs are then kept for 30 days. Elsewhere retention is the operator's choice. */
  readonly embedded?: boolean;
}

/**
 * Registers the search attributes that are missing and, on the embedded server, lengthens the retention to 30 days. May be
 * repeated at will. True when runs can be started with the search attributes; false when the server refuses them (no right,
 * no room, another type under the same name): start runs without them then. Throws when the server cannot be reached.
 */
export async function prepareNamespace(options: PrepareNamespaceOptions): Promise<boolean> {
  if (options.embedded === true) await lengthenRetention(options);
  try {
    return await registerSearchAttributes(options);
  } catch (error) {
    if (REFUSALS.has(grpcCode(error))) return false;
    throw error;
  }
}

async function registerSearchAttributes(options: PrepareNamespaceOptions): Promise<boolean> {
  const present = await listSearchAttributes(options);
  const missing = Object.entries(SEARCH_ATTRIBUTES).filter(([name]) => present[name] === undefined);
  if (missing.length > 0) await addSearchAttributes(options, Object.fromEntries(missing));
  return waitUntilRegistered(options);
}

/** The server caches the list; a run started with a name it does not see yet would be refused. */
async function waitUntilRegistered(options: PrepareNamespaceOptions): Promise<boolean> {
  const deadline = Date.now() + VISIBLE_LIMIT_MS;
  const wanted = Object.entries(SEARCH_ATTRIBUTES);
  for (;;) {
    const present = await listSearchAttributes(options);
    if (wanted.every(([name]) => present[name] !== undefined))
      return wanted.every(([name, type]) => present[name] === type);
    if (Date.now() > deadline) return false;
    await sleep(100);
  }
}

async function listSearchAttributes({ connection, namespace }: PrepareNamespaceOptions): Promise<AttributeTypes> {
  const answer = await withinLimit(connection, () => connection.operatorService.listSearchAttributes({ namespace }));
  return answer.customAttributes;
}

async function addSearchAttributes(
  { connection, namespace }: PrepareNamespaceOptions,
  searchAttributes: AttributeTypes,
): Promise<void> {
  try {
    await withinLimit(connection, () =>
      connection.operatorService.addSearchAttributes({ namespace, searchAttributes }),
    );
  } catch (error) {
    // Another process was faster; whether the types agree is checked afterwards.
    if (grpcCode(error) !== GRPC.alreadyExists) throw error;
  }
}

async function lengthenRetention({ connection, namespace }: PrepareNamespaceOptions): Promise<void> {
  const { config } = await withinLimit(connection, () => connection.workflowService.describeNamespace({ namespace }));
  const wanted = msToTs(RETENTION_MS);
  if (Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) >= Number(wanted.seconds)) return;
  await withinLimit(connection, () =>
    connection.workflowService.updateNamespace({ namespace, config: { workflowExecutionRetentionTtl: wanted } }),
  );
}
