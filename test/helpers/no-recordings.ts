import type { Services } from '../../activities/proposer.js';
import { ProblemError } from '../../contracts/problem.js';

/** An installation without a transcription service, whose messages bring no files. */
export const noRecordings: Pick<Services, 'attached' | 'transcriber'> = {
  attached: {
    read: async (_user, id) => {
      throw new ProblemError('not-found', `There is no file ${id}.`);
    },
  },
  transcriber: undefined,
};
