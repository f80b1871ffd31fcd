import { isRecord, parseJson } from './json.js';
import { rehearse } from './rehearse.js';
import { BadBodyError, parseRequest } from './request.js';
import { idFrom, toErrorBody, toEvents, toMessage, type WireErrorType, type WireEvent } from './wire.js';

function jsonResponse(status: number, body: unknown, requestId: string): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', 'request-id': requestId },
  });
}

function errorResponse(status: number, type: WireErrorType, message: string, requestId: string): Response {
  return jsonResponse(status, toErrorBody(type, message, requestId), requestId);
}

/** One event a pull, so that a reader who stops reading or aborts stops the answer. */
function eventStream(events: readonly WireEvent[], abortSignal: AbortSignal): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const waiting = events.values();
  return new ReadableStream({
    pull(controller) {
      if (abortSignal.aborted) {
        controller.error(abortSignal.reason);
        return;
      }
      const next = waiting.next();
      if (next.done === true) controller.close();
      else controller.enqueue(encoder.encode(`event: ${next.value.type}\ndata: ${JSON.stringify(next.value)}\n\n`));
    },
  });
}

function answer(bodyText: string, requestId: string, abortSignal: AbortSignal): Response {
  const body = parseJson(bodyText);
  if (!isRecord(body)) throw new BadBodyError('the body must be a JSON object');
  const request = parseRequest(body);
  const message = toMessage(rehearse(request), request.model, bodyText);
  if (!request.stream) return jsonResponse(200, message, requestId);
  const headers = {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    'request-id': requestId,
  };
  return new Response(eventStream(toEvents(message), abortSignal), { status: 200, headers });
}

async function serve(httpRequest: Request): Promise<Response> {
  const bodyText = await httpRequest.text();
  const requestId = idFrom('req', bodyText);
  const { pathname } = new URL(httpRequest.url);
  if (httpRequest.method !== 'POST' || pathname !== '/v1/messages') {
    return errorResponse(
      404,
      'not_found_error',
      `${httpRequest.method} ${pathname} is not served by the rehearsal model`,
      requestId,
    );
  }
  try {
    return answer(bodyText, requestId, httpRequest.signal);
  } catch (error) {
    if (error instanceof BadBodyError) return errorResponse(400, 'invalid_request_error', error.message, requestId);
    return errorResponse(500, 'api_error', error instanceof Error ? error.message : 'the rules failed', requestId);
  }
}

/**
 * A `fetch` that is a Messages API inside this process: hand it to the Anthropic SDK as its `fetch`.
 * It keeps no state, uses no network and costs nothing; answers follow simple rules and say so.
 */
export function createRehearsalFetch(): typeof globalThis.fetch {
  return async (input, init) => {
    const httpRequest = new Request(input, init);
    httpRequest.signal.throwIfAborted();
    return serve(httpRequest);
  };
}
