import type http from 'node:http';

interface Answer {
  readonly status: number;
  /** Text as it stands, or a value that is sent as JSON. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends an answer, or what a fault makes of it: `hang` says nothing for ever, `cut` breaks off; without one the line is reset. */
export function answerFaultily(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  answer: Answer | undefined,
  fault: string | undefined,
): void {
  if (fault === 'hang') return;
  if (answer === undefined) {
    request.socket.resetAndDestroy();
    return;
  }
  const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
  const length = fault === 'cut' ? { 'content-length': Buffer.byteLength(text) + 100 } : {};
  response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers, ...length });
  if (fault === 'cut') response.write(text, () => request.socket.destroy());
  else response.end(text);
}
