import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import proto from '@temporalio/proto';

/** Histories of real runs; a workflow that cannot replay one of them would stick the runs of an installation. */
export const HISTORIES = fileURLToPath(new URL('histories', import.meta.url));

export interface GoldenHistory {
  readonly workflowId: string;
  readonly history: proto.temporal.api.history.v1.IHistory;
}

const { History } = proto.temporal.api.history.v1;

/** A history as JSON: numbers of 64 bits and bytes as text, enums by name. */
export function toJson(history: proto.temporal.api.history.v1.IHistory): unknown {
  return History.toObject(History.fromObject(history), { longs: String, bytes: String, enums: String });
}

export function readHistories(): GoldenHistory[] {
  return readdirSync(HISTORIES)
    .filter((name) => name.endsWith('.json'))
    .map((name) => ({
      workflowId: path.basename(name, '.json'),
      history: History.fromObject(JSON.parse(readFileSync(path.join(HISTORIES, name), 'utf8')) as object),
    }));
}
