import type { ServerResponse } from 'node:http';

const HEARTBEAT_MS = 15_000;
/** How long a reader may take for what it was sent before the connection is given up. */
const PATIENCE_MS = 30_000;

/** An event of a request or of a space; one without a number cannot be resumed from. */
interface SentEvent {
  readonly id?: string | undefined;
  readonly type: string;
}

/** Writes server-sent events at the reader's pace and keeps quiet connections open; nothing more once `stop` fires. */
export class EventWriter {
  readonly #response: ServerResponse;
  readonly #stop: AbortSignal;
  readonly #heartbeat: NodeJS.Timeout;

  constructor(response: ServerResponse, stop: AbortSignal) {
    this.#response = response;
    this.#stop = stop;
    this.#heartbeat = setInterval(() => {
      if (!response.writableNeedDrain) response.write(': still here\n\n');
    }, HEARTBEAT_MS);
    response.once('close', () => clearInterval(this.#heartbeat));
  }

  get closed(): boolean {
    return this.#stop.aborted || this.#isGone;
  }

  get #isGone(): boolean {
    return this.#response.destroyed || this.#response.writableEnded;
  }

  /** Resolves once there is room for more; a reader that takes nothing for half a minute is cut off. */
  async send(event: SentEvent): Promise<void> {
    if (this.closed || this.#response.write(format(event))) return;
    await this.#drained();
  }

  end(): void {
    clearInterval(this.#heartbeat);
    if (!this.#isGone) this.#response.end();
  }

  /** Without a goodbye: the reader is to come back with the number it has got to. */
  cut(): void {
    this.#response.destroy();
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#response.off('drain', done);
        this.#response.off('close', done);
        resolve();
      };
      const timer = setTimeout(() => {
        this.cut();
        done();
      }, PATIENCE_MS);
      this.#response.once('drain', done);
      this.#response.once('close', done);
    });
  }
}

function format(event: SentEvent): string {
  const id = event.id === undefined ? '' : `id: ${event.id}\n`;
  return `${id}event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
