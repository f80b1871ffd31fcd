import {
  CancellationScope,
  continueAsNew,
  log,
  proxyActivities,
  setCurrentDetails,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import type { ClockStep, ClockWorkflowInput, Look } from '../contracts/step.js';
import { ignoreCancellation } from './lib/ignore-cancellation.js';
import { Wakes, onWake } from './lib/wakes.js';

const RETRY = { initialInterval: '100ms', backoffCoefficient: 2, maximumInterval: '30s' } as const;
const { claimDue } = proxyActivities<Activities>({ startToCloseTimeout: '30s', retry: RETRY });
/** A look that comes to nothing is made again when its time comes round, so it is given up soon. */
const { lookAt } = proxyActivities<Activities>({
  startToCloseTimeout: '60s',
  heartbeatTimeout: '6s',
  retry: { ...RETRY, maximumAttempts: 3 },
});

/** A server takes timers of this length, and what comes due later is asked for again then. */
const LONGEST_SLEEP_MS = 86_400_000;
const SHORTEST_SLEEP_MS = 200;
/** Looks at pages and mailboxes that are under way at the same time. */
const MOST_LOOKS = 8;

/**
 * Everything of one user that comes due: waits for the next time, has what is due by then claimed, and waits again.
 * It knows nothing but the time of its next step; the rows decide. Ends when nothing comes due any more.
 */
export async function reminders(input: ClockWorkflowInput): Promise<void> {
  const wakes = new Wakes();
  onWake(() => wakes.rouse());
  const looks = new Looks(input.user, wakes);
  looks.add(input.looks ?? []);
  for (;;) {
    wakes.take();
    const step = await claimDue({ user: input.user, at: now() });
    const isLong = workflowInfo().historyLength > input.historyLimit;
    looks.add(step.looks);
    setCurrentDetails(step.summary);
    if (!isLong) looks.begin();
    const isOver = !step.more && step.next === undefined && looks.isIdle;
    if (isOver && !wakes.take()) return;
    if (isLong && !looks.isRunning) await continueAsNew<typeof reminders>({ ...input, looks: looks.waiting });
    if (!step.more && !isOver) await untilNext(step, wakes);
  }
}

/** The server's time: the clock of the machine that runs this code counts for nothing. */
function now(): string {
  return new Date().toISOString();
}

async function untilNext(step: ClockStep, wakes: Wakes): Promise<void> {
  if (step.next === undefined) return wakes.arrived;
  const left = Date.parse(step.next) - Date.now();
  const timer = new CancellationScope();
  const over = timer
    .run(() => sleep(Math.min(LONGEST_SLEEP_MS, Math.max(SHORTEST_SLEEP_MS, left))))
    .catch(ignoreCancellation);
  await Promise.race([over, wakes.arrived]);
  timer.cancel();
}

/** Looks outside that go on beside the waiting; the end of one is a reason to look at the rows. */
class Looks {
  readonly #user: string;
  readonly #wakes: Wakes;
  /** By trigger: of two looks of one the later counts. */
  readonly #waiting = new Map<string, Look>();
  #running = 0;

  constructor(user: string, wakes: Wakes) {
    this.#user = user;
    this.#wakes = wakes;
  }

  get isRunning(): boolean {
    return this.#running > 0;
  }

  get isIdle(): boolean {
    return !this.isRunning && this.#waiting.size === 0;
  }

  get waiting(): readonly Look[] {
    return [...this.#waiting.values()];
  }

  add(looks: readonly Look[]): void {
    for (const look of looks) this.#waiting.set(look.trigger, look);
  }

  /** Begins as many as may be under way. */
  begin(): void {
    for (const look of this.waiting.slice(0, MOST_LOOKS - this.#running)) {
      this.#waiting.delete(look.trigger);
      this.#running += 1;
      void this.#run(look);
    }
  }

  async #run(look: Look): Promise<void> {
    try {
      await lookAt.executeWithOptions({ summary: look.summary }, [{ ...look, user: this.#user, at: now() }]);
    } catch (error) {
      log.warn('a look came to nothing; it is made again when its time comes', { error: String(error) });
    } finally {
      this.#running -= 1;
      this.#wakes.rouse();
    }
  }
}
