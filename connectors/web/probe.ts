import { ProblemError } from '../../contracts/problem.js';
import type { WebAnswering } from '../../contracts/services.js';
import { networkCode } from './fetch-bytes.js';
import type { Asking, GuardedFetch } from './guarded-fetch.js';

/** What a server answers that works and does not let everybody in, or not by this way. */
const REFUSALS = [401, 402, 403, 405, 406, 407, 429, 451];
/** What this machine says when it is itself cut off, or finds no server of names. */
const OWN_FAULTS = ['EAI_AGAIN', 'ENETUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL', 'EMFILE', 'ENFILE'];

/** Asks whether an address answers; see `WebReader.probe`. */
export async function probe(web: GuardedFetch, url: string, how: Asking): Promise<WebAnswering> {
  try {
    const status = await web.status(url, how);
    const isUp = status < 400 || REFUSALS.includes(status);
    return { isUp, said: isUp ? `answers (${status}).` : `answered ${status}.` };
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    const code = networkCode(error.cause);
    if (OWN_FAULTS.includes(code))
      throw new ProblemError('unavailable', 'This machine had no network, so nothing could be asked.', {
        cause: error,
      });
    const said = silences(error, code);
    if (said === undefined) throw error;
    return { isUp: false, said };
  }
}

/** What is wrong with the server; undefined where the address was not asked. */
function silences({ type }: ProblemError, code: string): string | undefined {
  if (type === 'not-found') return 'cannot be found: there is no such host.';
  if (type === 'conflict') return code === '' ? 'redirects in a circle.' : 'has no valid certificate.';
  if (type !== 'unavailable') return undefined;
  return code === 'ECONNREFUSED' ? 'refuses the connection.' : 'does not answer.';
}
