import { type File, REQUEST_STATUSES, type Request, type RequestStatus } from '../contracts/request.js';
import type { StoredFile } from '../engine/files.js';
import type { RequestView } from '../engine/requests.js';
import type { ApiSettings } from './deps.js';

const FALLBACK_UI = 'http://localhost:8233';
const ENDED: readonly RequestStatus[] = ['completed', 'failed', 'cancelled'];
const WAITING: readonly RequestStatus[] = REQUEST_STATUSES.filter((status) => status.startsWith('waiting_'));

export function hasEnded(status: RequestStatus): boolean {
  return ENDED.includes(status);
}

/** Nothing more happens before a person does something. */
export function hasPaused(status: RequestStatus): boolean {
  return WAITING.includes(status);
}

/** A request with absolute links. */
export function presentWithLinks(view: RequestView, settings: ApiSettings): Request {
  const self = requestUrl(view.id, settings);
  const ui = (settings.temporalUiUrl ?? FALLBACK_UI).replace(/\/+$/, '');
  return {
    ...view,
    attachments: view.attachments.map((file) => presentFile(file, settings)),
    links: {
      self,
      events: `${self}/events`,
      trace: `${self}/trace`,
      temporal: `${ui}/namespaces/${encodeURIComponent(settings.namespace)}/workflows/${encodeURIComponent(`request:${view.id}`)}`,
    },
  };
}

export function requestUrl(id: string, settings: ApiSettings): string {
  return `${baseUrl(settings)}/v1/requests/${id}`;
}

export function presentFile(file: StoredFile, settings: ApiSettings): File {
  const { seconds, ...rest } = file;
  return { ...rest, ...(seconds === null ? {} : { seconds }), url: `${baseUrl(settings)}/v1/files/${file.id}` };
}

function baseUrl(settings: ApiSettings): string {
  return settings.publicUrl.replace(/\/+$/, '');
}
