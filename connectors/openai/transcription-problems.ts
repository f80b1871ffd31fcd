import { ProblemError } from '../../contracts/problem.js';
import { type Answer, complaintOfAny, errorOf, misplaced, type Service } from './service-problems.js';

/** What an answer other than 200 means for a person, or `format` when only the form of the answer is refused. */
export function complaintOf(service: Service, answer: Answer & { readonly name: string }): ProblemError | 'format' {
  const { host } = service;
  const { status, name } = answer;
  const complaint = complaintOfAny(service, answer);
  if (complaint !== undefined) return complaint;
  const { param, message } = errorOf(answer.text);
  if (status === 413)
    return new ProblemError(
      'too-large',
      `The recording ${name} is too long for the transcription service at ${host}. Send it in shorter parts.`,
    );
  if (param === 'language')
    return new ProblemError(
      'invalid-body',
      `The transcription service at ${host} does not know this language. Leave it out.`,
    );
  if (status === 400 || status === 415 || status === 422) {
    if (param === 'response_format' || /response_format|verbose_json/.test(message)) return 'format';
    return new ProblemError(
      'unsupported-media',
      `The transcription service at ${host} cannot read the recording ${name}. Send it in another format, such as mp3, m4a, ogg or wav.`,
    );
  }
  return misplaced(service, status);
}
