/** A path that names the call is taken as it stands, also that of a whisper.cpp server. */
export function transcriptionUrl(baseUrl: string): URL {
  const url = new URL(baseUrl);
  const path = url.pathname.replace(/\/+$/, '');
  if (!/\/(?:audio\/transcriptions|inference)$/.test(path))
    url.pathname = `${path === '' ? '/v1' : path}/audio/transcriptions`;
  return url;
}
