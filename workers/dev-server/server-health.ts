import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';

const ATTEMPT_MS = 2_000;

/** Whether a Temporal server answers at `address` (host:port) and knows the namespace. */
export async function isHealthy(address: string, namespace: string): Promise<boolean> {
  let connection: Connection;
  try {
    connection = await Connection.connect({ address, connectTimeout: ATTEMPT_MS });
  } catch {
    return false;
  }
  try {
    await connection.withDeadline(Date.now() + ATTEMPT_MS, async () => {
      await connection.workflowService.getSystemInfo({});
      await connection.workflowService.describeNamespace({ namespace });
    });
    return true;
  } catch {
    return false;
  } finally {
    await connection.close();
  }
}

/** Asks until the server is healthy (true), or until the time is over or `isGone` says there is nobody to wait for (false). */
export async function waitUntilHealthy(
  address: string,
  namespace: string,
  timeoutMs: number,
  isGone: () => boolean,
): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (!isGone() && Date.now() < deadline) {
    if (await isHealthy(address, namespace)) return true;
    await sleep(50);
  }
  return false;
}
