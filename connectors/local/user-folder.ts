import { join } from 'node:path';
import { ProblemError } from '../../contracts/problem.js';
import { IdSchema } from '../../contracts/text.js';

/** `<root>/<user>`; throws `ProblemError` `invalid-body` unless the user id is one the API could have given out. */
export function userFolder(root: string, user: string): string {
  if (!IdSchema.safeParse(user).success) {
    throw new ProblemError('invalid-body', 'the user id must consist of letters, digits, _ and -');
  }
  return join(root, user);
}
