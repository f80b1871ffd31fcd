import { isAudioType } from '../../contracts/media-type.js';
import { ProblemError } from '../../contracts/problem.js';
import type { AttachedFile } from '../../contracts/services.js';
import { outsideSkill } from '../../contracts/skill.js';
import { cutText } from '../../contracts/text.js';
import { withNote } from '../shared/note.js';
import { quote } from '../shared/summary-text.js';
import { fileTranscript } from '../shared/transcript.js';
import { transcribeAudioManifest } from './manifest.js';

/** More than three hours of speech. */
const MOST_TEXT_BYTES = 250_000;
const CUT_NOTE = `The transcript is cut after ${MOST_TEXT_BYTES} bytes.`;
const NO_TRANSCRIBER =
  'Recordings cannot be transcribed: no transcription service is set up. Whoever runs Retinue sets TRANSCRIPTION_BASE_URL ' +
  'to an endpoint that speaks as OpenAI does, such as a whisper server on the own machine, or TRANSCRIPTION_API_KEY for ' +
  'OpenAI itself, and restarts. Until then the user can type what was said.';

/** Transcribes a recording. A second call for the same file, as in another language, gives its transcript a new version. */
export const transcribeAudio = outsideSkill({
  manifest: transcribeAudioManifest,
  async run({ file: id, language }, { attached, transcriber, user, abortSignal }) {
    const file = await attached.read(user.id, id);
    requireAudio(file);
    if (transcriber === undefined) throw new ProblemError('conflict', NO_TRANSCRIBER);
    const spoken = await transcriber.transcribe(file, { abortSignal, ...(language === undefined ? {} : { language }) });
    if (spoken.text === '')
      throw new ProblemError(
        'unsupported-media',
        `No speech was recognised in ${quote(file.name)}. Ask the user what was said, or for a clearer recording.`,
      );
    const { language: heard, seconds = file.seconds } = spoken;
    const text = cutText(spoken.text, MOST_TEXT_BYTES);
    return {
      output: {
        file: id,
        text,
        ...(heard === undefined ? {} : { language: heard }),
        ...(seconds === undefined ? {} : { seconds }),
        route: transcriber.route,
        ...withNote(text === spoken.text ? undefined : CUT_NOTE),
      },
      taints: file.forwarded ? ['untrusted'] : [],
    };
  },
  async store(result, _input, context) {
    const { file, text, language, seconds } = result.output;
    const space = await context.spaces.ofRole('meetings');
    const spoken = {
      text,
      file,
      ...(language === undefined ? {} : { language }),
      ...(seconds === undefined ? {} : { seconds }),
    };
    const atom = await fileTranscript(context, space.id, spoken);
    return { ...result, output: { ...result.output, transcript: atom.id } };
  },
});

function requireAudio({ name, mediaType }: AttachedFile): void {
  if (isAudioType(mediaType)) return;
  throw new ProblemError(
    'unsupported-media',
    `${quote(name)} is no recording but ${mediaType}, so there is nothing to transcribe.`,
  );
}
