import { defineSignal } from '@temporalio/workflow';
import { WAKE_SIGNAL } from '../contracts/ids.js';

/**
 * "Rows have changed: look again." The reason is for the reader of the web UI; the agents say whose loops of this workflow
 * are meant, every one where none is named. No code believes either.
 */
export const wakeSignal = defineSignal<[reason: string, agents?: readonly string[]]>(WAKE_SIGNAL);
