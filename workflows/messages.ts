import { defineSignal } from '@temporalio/workflow';
import { WAKE_SIGNAL } from '../contracts/ids.js';

/** "Rows have changed: look again." The reason is for the reader of the web UI; no code believes it. */
export const wakeSignal = defineSignal<[reason: string]>(WAKE_SIGNAL);
