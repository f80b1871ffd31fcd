import { setHandler } from '@temporalio/workflow';
import { wakeSignal } from '../messages.js';

/** Wakes that came and were not looked at yet. One instance a run; it owns the signal's handler. */
export class Wakes {
  #pending = false;
  #arrive: () => void = () => undefined;
  #arrival = this.#nextArrival();

  constructor() {
    setHandler(wakeSignal, () => this.rouse());
  }

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
