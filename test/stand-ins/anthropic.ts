import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CallDesk, type RecordedCall } from './anthropic-desk.js';
import type { Fault } from './anthropic-faults.js';
import { ScriptedMind } from './anthropic-mind.js';
import type { Script } from './anthropic-script.js';

export type { RecordedCall } from './anthropic-desk.js';
export type { Fault, FaultName, FaultPlan } from './anthropic-faults.js';
export type { KeyedScript, Script, ScriptInput, ScriptTurn, ScriptUsage, TurnSource } from './anthropic-script.js';

export interface AnthropicStandInOptions {
  /** What the model says; see `Script`. Without one every call is a violation. */
  readonly script?: Script | readonly Script[];
  /** Milliseconds before an answer begins; default 0. */
  readonly latencyMs?: number;
  /** Where scripted facts may come from; default `input`, see `unsourcedFacts`. */
  readonly factsFrom?: 'input' | 'anywhere';
  /** The only key that is let in; without it any key is. */
  readonly apiKey?: string;
  /** The only models there are; without it any model is. */
  readonly models?: readonly string[];
}

export interface AnthropicStandIn {
  /** Base URL for the client, without `/v1`. */
  readonly url: string;
  /** Every call in the order of arrival, refused ones included. */
  readonly calls: readonly RecordedCall[];
  /** Everything that was wrong with requests, scripts or own answers; suites assert that it is empty. */
  readonly violations: readonly string[];
  /** Faults for the calls to come, one a call, first one first. */
  readonly faults: Fault[];
  /** Milliseconds before an answer begins; may be changed at any time. */
  latencyMs: number;
  pushFaults(...faults: Fault[]): void;
  /** Replaces the script and forgets how far the old one was played. */
  setScript(script: Script | readonly Script[]): void;
  /** Turns of lists that nobody asked for yet. */
  remainingTurns(): number;
  /** Throws an error that lists the violations, if there are any; meant for `afterEach`. */
  assertClean(): void;
  /** Drops all connections. */
  close(): Promise<void>;
}

/**
 * Starts a strict stand-in of the Messages API on a free loopback port. It refuses what the vendor refuses, checks its
 * own answers too, and fails loudly (a violation and status 500) when it is asked more often than the script has turns.
 */
export async function startAnthropicStandIn(options: AnthropicStandInOptions = {}): Promise<AnthropicStandIn> {
  const mind = new ScriptedMind(options.script ?? [], options.factsFrom !== 'anywhere');
  const desk = new CallDesk(mind, options);
  desk.latencyMs = options.latencyMs ?? 0;
  const server = createServer((request, response) => {
    desk.serve(request, response).catch((error: unknown) => {
      if (!request.aborted) mind.violate(desk.calls.length, `the stand-in itself failed: ${String(error)}`);
      response.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: desk.calls,
    violations: mind.violations,
    faults: desk.faults,
    get latencyMs() {
      return desk.latencyMs;
    },
    set latencyMs(milliseconds) {
      desk.latencyMs = milliseconds;
    },
    pushFaults: (...faults) => void desk.faults.push(...faults),
    setScript: (script) => mind.setScript(script),
    remainingTurns: () => mind.remaining(),
    assertClean: () => {
      if (mind.violations.length > 0)
        throw new Error(`the model stand-in saw violations:\n${mind.violations.join('\n')}`);
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
