/** One interface a service: what stands behind it (local files, Google …) is decided where the process is wired. */

export interface CalendarEvent {
  readonly id: string;
  readonly title: string;
  /** RFC 3339 with offset, or a date for a whole day. */
  readonly start: string;
  readonly end: string;
  readonly timeZone: string;
  readonly attendees: readonly string[];
  readonly description?: string;
}

export type NewCalendarEvent = Omit<CalendarEvent, 'id'>;

/** An event and the mark of the state it was read in; any change by anybody gives another mark. */
export interface VersionedEvent {
  readonly event: CalendarEvent;
  readonly version: string;
}

/** One calendar service; `route` names in plain words where things were read or written. */
export interface CalendarConnector {
  readonly route: string;
  /** Events that overlap [from, to), by start. */
  list(user: string, range: { from: string; to: string }): Promise<CalendarEvent[]>;
  /** Throws `ProblemError` `not-found`. */
  get(user: string, id: string): Promise<VersionedEvent>;
  /**
   * Idempotent by `id`: a second call with the same id returns the event that exists. `beforeWrite` is called right before
   * the change becomes visible; when it throws, nothing has changed.
   */
  create(user: string, id: string, event: NewCalendarEvent, beforeWrite?: () => void): Promise<CalendarEvent>;
  /** Replaces the named fields. Throws `ProblemError` `not-found`, or `stale` when the event is not at `ifVersion` any more. */
  update(
    user: string,
    id: string,
    patch: Partial<NewCalendarEvent>,
    ifVersion: string,
    beforeWrite?: () => void,
  ): Promise<VersionedEvent>;
  /**
   * Removes an event; one that is not there is a success. With `ifVersion` it throws `ProblemError` `stale` when the event
   * was changed since. What it returns can be given to `restore`; null when nothing was there.
   */
  remove(user: string, id: string, ifVersion?: string, beforeWrite?: () => void): Promise<string | null>;
  /** Puts back exactly what `remove` took out, unless the event is there again. */
  restore(user: string, removed: string): Promise<void>;
}

export interface MailSummary {
  readonly id: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  /** RFC 3339; undefined where the mail names no readable date. */
  readonly date?: string;
  /** The `Message-ID` header without angle brackets, when there is one. */
  readonly messageId?: string;
  /** First characters of the text. */
  readonly snippet: string;
}

export interface Mail extends MailSummary {
  readonly cc: readonly string[];
  /** Plain text; from HTML when there is nothing else. */
  readonly text: string;
  readonly attachments: readonly { readonly name: string; readonly mediaType: string; readonly size: number }[];
  /** Message ids that this one answers, oldest first. */
  readonly references: readonly string[];
}

export interface MailQuery {
  /** Words that all occur in sender, recipients, subject or text. */
  readonly words?: string;
  readonly from?: string;
  readonly subject?: string;
  /** RFC 3339; mails at or after it. */
  readonly since?: string;
  readonly limit: number;
}

/** What a mail says, before it is made into bytes. Addresses are plain ASCII (`local@domain`). */
export interface MailContent {
  /** Plain id ([A-Za-z0-9_-]); `Message-ID` and `X-Action-Id` are made of it. */
  readonly key: string;
  /** RFC 3339; the `Date` of the mail. */
  readonly at: string;
  readonly from: { readonly name: string; readonly address: string };
  readonly to: readonly string[];
  readonly cc: readonly string[];
  readonly bcc: readonly string[];
  readonly subject: string;
  /** Plain text. */
  readonly body: string;
  /** Message id without angle brackets. */
  readonly inReplyTo?: string;
  /** Message ids without angle brackets, oldest first. */
  readonly references: readonly string[];
}

/** A mail that is finished: these very bytes are kept, shown, approved and sent. */
export interface FinishedMail {
  /** RFC 5322 with CRLF line ends, 7-bit clean. */
  readonly mime: string;
}

export interface MailConnector {
  readonly route: string;
  /** Says in plain words what has become of a mail that was sent, such as `written to the local outbox; Gmail is not connected`. */
  readonly sentRoute: string;
  /** The address that the user's mails come from. */
  sender(user: { readonly id: string; readonly name: string }): Promise<string>;
  /** Pure: the same content gives the same bytes. Throws `ProblemError` `invalid-body` for what no header can carry. */
  compose(content: MailContent): Promise<FinishedMail>;
  /** Received mails, newest first. */
  search(user: string, query: MailQuery): Promise<MailSummary[]>;
  /** Throws `ProblemError` `not-found`. */
  read(user: string, id: string): Promise<Mail>;
  /** Received and sent mails of the conversation that this message id belongs to, oldest first; empty when it is unknown. */
  thread(user: string, messageId: string): Promise<MailSummary[]>;
  /** Idempotent by `key`. */
  saveDraft(user: string, key: string, mail: FinishedMail): Promise<{ id: string }>;
  /** Removing a draft that is not there is a success. */
  removeDraft(user: string, id: string): Promise<void>;
  /**
   * Sends, at most once for each `key` as far as the service can promise it. `beforeSend` is called right before the first
   * byte leaves and throws when that must not happen any more. Throws `SendError`.
   */
  send(user: string, key: string, mail: FinishedMail, beforeSend: () => void): Promise<{ providerId: string }>;
  /** What has become of an earlier `send` with this key. `unsure` where the service cannot tell. */
  findSent(user: string, key: string, mail: FinishedMail): Promise<{ providerId: string } | 'absent' | 'unsure'>;
}

/** The user's own folder; no path leaves it. Paths use `/` and are relative. */
export interface WorkspaceFiles {
  list(user: string, folder: string): Promise<{ path: string; size: number; modifiedAt: string }[]>;
  /** Throws `ProblemError` `not-found` where nothing is, `too-large` over the limit. */
  read(user: string, path: string): Promise<string>;
  /** Returns what stood there before, or null. Atomic: a reader sees the old or the new text, never half. */
  write(user: string, path: string, text: string): Promise<{ previous: string | null }>;
  remove(user: string, path: string): Promise<void>;
}

/** A file of the user, as a message brought it or an upload left it. */
export interface AttachedFile {
  readonly id: string;
  readonly name: string;
  readonly mediaType: string;
  readonly size: number;
  /** Length of a recording, where its bytes tell. */
  readonly seconds?: number;
  /** Somebody else made it and the user passed it on: what is said in it is not the user's word. */
  readonly forwarded: boolean;
  readonly bytes: Uint8Array;
}

export interface AttachedFiles {
  /** Throws `ProblemError` `not-found` for what is not the user's. */
  read(user: string, id: string): Promise<AttachedFile>;
}

export interface Transcript {
  readonly text: string;
  /** As the service names it, such as `en` or `german`. */
  readonly language?: string;
  /** Length of the recording. */
  readonly seconds?: number;
}

/** One speech-to-text service. */
export interface Transcriber {
  /** Says in plain words who transcribes, such as `transcribed by whisper-1 at localhost:8000`. */
  readonly route: string;
  /** Throws `ProblemError`: `unavailable` for what may pass by itself, anything else for what will not. */
  transcribe(
    audio: Pick<AttachedFile, 'name' | 'mediaType' | 'bytes'>,
    options: { readonly language?: string; readonly abortSignal: AbortSignal },
  ): Promise<Transcript>;
}

/** One service that puts into numbers what texts mean: texts that mean the same come near each other. */
export interface Embedder {
  /** Vectors of different models cannot be compared. */
  readonly model: string;
  /**
   * One vector a text, in their order, all of one length. Texts must not be empty; what is longer than a model takes is
   * cut or refused. Throws `ProblemError`: `unavailable` for what may pass by itself, `invalid-body` for texts that the
   * service refuses, anything else for what will not pass.
   */
  embed(
    texts: readonly string[],
    options: { readonly kind: 'query' | 'document'; readonly abortSignal: AbortSignal },
  ): Promise<number[][]>;
}

/** A page that a search has found. */
export interface WebHit {
  readonly title: string;
  readonly url: string;
  /** The piece of its text that the service shows; may be empty. */
  readonly text: string;
}

/** One search service for the web. */
export interface WebSearch {
  /** Says in plain words who searches, such as `searched with localhost:8888`. */
  readonly route: string;
  /** The best first. Throws `ProblemError`: `unavailable` for what may pass by itself, anything else for what will not. */
  search(
    query: string,
    options: { readonly limit: number; readonly abortSignal: AbortSignal },
  ): Promise<readonly WebHit[]>;
}

export interface WebPage {
  /** Where it was read in the end. */
  readonly url: string;
  readonly title: string;
  /** What a person would read there; at most a million characters. */
  readonly text: string;
  /** The page is at another host, and was not read there: title and text are empty. */
  readonly redirectedTo?: string;
}

/** Whether a server answers, and how, as the end of a sentence that begins with its address. */
export interface WebAnswering {
  readonly isUp: boolean;
  readonly said: string;
}

export interface WebAsking {
  readonly abortSignal: AbortSignal;
  /** Whoever runs the installation has named this very address: it may be one of the own network, and without TLS. */
  readonly isNamed?: boolean;
}

/** Reads single pages of the public web, and of the hosts that the configuration allows. */
export interface WebReader {
  /** The configuration allows the host of this address. */
  allows(url: string): boolean;
  /** Throws `ProblemError`: `unavailable` for what may pass by itself, anything else for what will not. */
  read(url: string, how: WebAsking): Promise<WebPage>;
  /**
   * Asks whether an address answers, whatever stands there. A server that fails, stays silent, is not to be found or has
   * no valid certificate is down; one that only refuses is up. Throws `ProblemError` where the address must not be asked,
   * and `unavailable` where this machine itself has no network.
   */
  probe(url: string, how: WebAsking): Promise<WebAnswering>;
}

/** Secrets of the user, for the time of one run and only those that its call or its skill's manifest names. */
export interface SecretAccess {
  /**
   * Hands the value of `secret://NAME` to the work that sends it to `host` (`host` or `host:port`), and to nobody else:
   * what the run returns, throws or leaves in the store shows the reference in its place. Throws `ProblemError`:
   * `forbidden` where the call or the agent may not use it, or not for this host, `not-found` where there is none,
   * `invalid-body` for what is no reference or no host.
   */
  use<T>(reference: string, host: string, work: (value: string) => Promise<T>): Promise<T>;
}
