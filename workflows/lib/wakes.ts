import { setHandler } from '@temporalio/workflow';
import { wakeSignal } from '../messages.js';

/** Wakes of one agent's loop that came and were not looked at yet. */
export class Wakes {
  #pending = false;
  #arrive: () => void = () => undefined;
  #arrival = this.#nextArrival();

  /** As a wake from outside, for what this run itself has brought to its end. */
  rouse(): void {
    this.#pending = true;
    this.#arrive();
  }

  /** Resolves once a wake is there that nobody has taken. */
  get arrived(): Promise<void> {
    return this.#arrival;
  }

  /** Takes all wakes there are; true when there was one. */
  take(): boolean {
    if (!this.#pending) return false;
    this.#pending = false;
    this.#arrival = this.#nextArrival();
    return true;
  }

  #nextArrival(): Promise<void> {
    return new Promise((resolve) => {
      this.#arrive = resolve;
    });
  }
}

/** Has the work done at every wake of this workflow; whoever calls it owns the signal's handler. */
export function onWake(work: () => void): void {
  setHandler(wakeSignal, work);
}

/** The wakes of every loop that runs in this workflow. One instance a run; it owns the signal's handler. */
export class WakeBoard {
  readonly #loops = new Map<string, Wakes>();
  /** A wake came before any loop was there. */
  #isEarly = false;

  constructor() {
    setHandler(wakeSignal, (_reason, agents) => this.#rouse(agents ?? []));
  }

  open(agent: string): Wakes {
    const wakes = new Wakes();
    this.#loops.set(agent, wakes);
    if (this.#isEarly) wakes.rouse();
    this.#isEarly = false;
    return wakes;
  }

  close(agent: string): void {
    this.#loops.delete(agent);
  }

  #rouse(agents: readonly string[]): void {
    if (this.#loops.size === 0) this.#isEarly = true;
    const meant = agents.flatMap((agent) => this.#loops.get(agent) ?? []);
    for (const wakes of meant.length > 0 ? meant : this.#loops.values()) wakes.rouse();
  }
}
