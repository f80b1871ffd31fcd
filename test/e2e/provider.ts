import { z } from 'zod';
import type { EffectClass, Label } from '../../contracts/effect-class.js';
import { outsideSkill, type OutwardAction, type Sent, type Skill } from '../../contracts/skill.js';
import type { JsonValue } from '../../contracts/space.js';

const NoteSchema = z.strictObject({ to: z.string(), text: z.string() });
type Note = z.infer<typeof NoteSchema>;

/** One attempt of the provider to do what was approved. */
export interface Attempt {
  readonly key: string;
  readonly note: Note;
  /** From 1 for each key. */
  readonly number: number;
  /** Throws when it is too late to send. */
  readonly beforeSend: () => void;
  /** From here on it has happened. */
  readonly happen: () => void;
}

/** A service outside whose log says what really happened, whatever it answered. */
export interface Provider {
  /** `post_note` can be looked up afterwards; of `post_blind` nobody can tell. */
  readonly skills: readonly Skill[];
  /** Every time that something happened, in order. */
  readonly log: readonly { readonly key: string; readonly skill: string; readonly note: Note; readonly at: number }[];
  /** Attempts that were begun for notes with this text. */
  attempts(text: string): number;
  /** What an attempt for notes with this text does; by default it happens at once. */
  on(text: string, behaviour: (attempt: Attempt) => Promise<void>): void;
}

export function createProvider(): Provider {
  const log: { key: string; skill: string; note: Note; at: number }[] = [];
  const begun: { key: string; text: string }[] = [];
  const behaviours = new Map<string, (attempt: Attempt) => Promise<void>>();
  const sent = (key: string): Sent => ({ providerId: `note-${key}`, output: { posted: true }, outputs: [] });
  const action = (skill: string): OutwardAction<Note> => ({
    recipients: ({ to }) => [to],
    prepare: async (note) => ({
      title: `Note to ${note.to}`,
      preview: { text: `To: ${note.to}\n\n${note.text}`, recipients: [note.to] },
    }),
    async send({ key, input: note }, { beforeSend }) {
      begun.push({ key, text: note.text });
      const happen = (): void => void log.push({ key, skill, note, at: Date.now() });
      const number = begun.filter((attempt) => attempt.key === key).length;
      const behaviour = behaviours.get(note.text);
      if (behaviour !== undefined) await behaviour({ key, note, number, beforeSend, happen });
      else {
        beforeSend();
        happen();
      }
      return sent(key);
    },
  });
  const probed: OutwardAction<Note> = {
    ...action('post_note'),
    probe: async ({ key }) => (log.some((entry) => entry.key === key) ? sent(key) : 'absent'),
  };
  return {
    skills: [posting('post_note', probed), posting('post_blind', action('post_blind'))],
    log,
    attempts: (text) => begun.filter((attempt) => attempt.text === text).length,
    on: (text, behaviour) => void behaviours.set(text, behaviour),
  };
}

function posting(name: string, outward: OutwardAction<Note>): Skill {
  return outsideSkill({
    manifest: noteManifest(name, 'outward'),
    run: async () => {
      throw new Error('a note is posted only once it was approved');
    },
    outward,
  });
}

/** A skill without any wish of its own about approvals; `run` gives what it answers. */
export function plainSkill(
  name: string,
  effect: EffectClass,
  run: (note: Note) => JsonValue,
  manifest: { readonly taints?: readonly Label[] } = {},
): Skill {
  return outsideSkill({
    manifest: { ...noteManifest(name, effect), ...manifest },
    run: async (note: Note) => ({ output: run(note) }),
  });
}

function noteManifest(name: string, effect: EffectClass) {
  return {
    name,
    description: 'Posts a note somewhere else.',
    effect,
    input: NoteSchema,
    output: z.json(),
    timeoutSeconds: 10,
    taints: [],
    summary: ({ to }: Note) => `Posts a note to ${to}`,
  };
}
