import { createHash } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { chanceFor, weighted } from '../helpers/seeded.js';

/**
 * How a call goes wrong. `refuse` answers 429 and does nothing. `hang` answers nothing and does nothing; `execute-then-hang`
 * has done it. `reset-before` drops the connection with a reset before anything is done, `execute-then-reset` after it.
 */
export const PROVIDER_FAULTS = [
  'ok',
  'refuse',
  'hang',
  'execute-then-hang',
  'reset-before',
  'execute-then-reset',
] as const;
export type ProviderFault = (typeof PROVIDER_FAULTS)[number];

/** Every kind of fault often enough that each is met. */
export const ALL_FAULTS: Readonly<Record<ProviderFault, number>> = {
  ok: 50,
  refuse: 14,
  hang: 4,
  'execute-then-hang': 4,
  'reset-before': 14,
  'execute-then-reset': 14,
};

export interface WireEntry {
  /** The id that the caller gave; none at a provider without ids. */
  readonly key: string | undefined;
  readonly label: string;
  readonly body: string;
  readonly fault: ProviderFault;
  /** Whether the world was changed by this call. */
  readonly executed: boolean;
}

export interface ProviderOptions {
  readonly seed: number;
  /** Calls carry an id of the caller's; an id is used once and can be looked up. */
  readonly identified: boolean;
  /** How likely each fault is; without it nothing goes wrong by itself. */
  readonly weights?: Readonly<Record<ProviderFault, number>>;
}

/** A service outside that remembers everything that reached it. */
export interface OutsideProvider {
  readonly url: string;
  readonly identified: boolean;
  /** Every call that was read in full, in order. */
  readonly log: readonly WireEntry[];
  /** What no well-made client does. */
  readonly violations: readonly string[];
  /** How often something with this label really happened. */
  executions(label: string): number;
  /** Faults of the next calls with this label, before chance decides again. */
  plan(label: string, ...faults: ProviderFault[]): void;
  close(): Promise<void>;
}

interface Message {
  readonly to: readonly string[];
  readonly text: string;
}

/** Starts the service on a free port of this machine. A message's text is its label. */
export async function startProvider({ seed, identified, weights }: ProviderOptions): Promise<OutsideProvider> {
  const log: WireEntry[] = [];
  const violations: string[] = [];
  const plans = new Map<string, ProviderFault[]>();
  const calls = new Map<string, number>();
  const done = new Map<string, number>();
  const kept = new Map<string, string>();

  function faultFor(label: string): ProviderFault {
    const planned = plans.get(label)?.shift();
    const call = (calls.get(label) ?? 0) + 1;
    calls.set(label, call);
    if (planned !== undefined) return planned;
    return weights === undefined ? 'ok' : weighted(weights, chanceFor(seed, `${label}#${call}`));
  }

  function execute(key: string | undefined, label: string, body: string): void {
    done.set(label, (done.get(label) ?? 0) + 1);
    if (key !== undefined) kept.set(key, body);
  }

  function take(key: string | undefined, body: string, response: http.ServerResponse): void {
    const message = parseMessage(body);
    if (message === undefined || identified !== (key !== undefined)) {
      violations.push(`a call with ${key === undefined ? 'no id' : `the id ${key}`}: ${body.slice(0, 200)}`);
      return answer(response, 400, { error: 'not a message' });
    }
    const label = message.text;
    const fault = faultFor(label);
    const isNew = key === undefined || !kept.has(key);
    const executed = isNew && (fault === 'ok' || fault.startsWith('execute'));
    if (executed) execute(key, label, body);
    log.push({ key, label, body, fault, executed });
    switch (fault) {
      case 'ok':
        return isNew ? answer(response, 201, { number: log.length }) : answer(response, 409, { error: 'exists' });
      case 'refuse':
        return answer(response, 429, { error: 'too many calls' });
      case 'hang':
      case 'execute-then-hang':
        return;
      case 'reset-before':
      case 'execute-then-reset':
        response.socket?.resetAndDestroy();
    }
  }

  function lookUp(key: string, response: http.ServerResponse): void {
    const body = kept.get(key);
    if (!identified) violations.push(`a look at ${key} of a service that cannot be asked`);
    if (body === undefined) answer(response, 404, { error: 'unknown' });
    else answer(response, 200, { sha256: sha256(body) });
  }

  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = request.url ?? '';
      if (request.method === 'GET' && url.startsWith('/sent/')) return lookUp(url.slice('/sent/'.length), response);
      const key = request.headers['x-message-id'];
      take(typeof key === 'string' ? key : undefined, Buffer.concat(chunks).toString('utf8'), response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    identified,
    log,
    violations,
    executions: (label) => done.get(label) ?? 0,
    plan: (label, ...faults) => void plans.set(label, [...(plans.get(label) ?? []), ...faults]),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function parseMessage(body: string): Message | undefined {
  try {
    const value = JSON.parse(body) as Partial<Message>;
    const isWhole = Array.isArray(value.to) && value.to.length > 0 && typeof value.text === 'string';
    return isWhole && Object.keys(value).length === 2 ? (value as Message) : undefined;
  } catch {
    return undefined;
  }
}

function answer(response: http.ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(body));
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
