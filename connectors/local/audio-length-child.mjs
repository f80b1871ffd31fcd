// Own process for bytes that somebody else made: reads a recording from standard input and prints its length in seconds.
// The only argument is the media type. Prints nothing where the bytes do not tell. Plain JavaScript, so that sources and
// build start the same file.
import { buffer } from 'node:stream/consumers';
import { parseBuffer } from 'music-metadata';

const [, , mediaType] = process.argv;
const bytes = await buffer(process.stdin);
try {
  const { format } = await parseBuffer(bytes, { mimeType: mediaType, size: bytes.length }, { duration: true });
  if (format.duration !== undefined) process.stdout.write(String(format.duration));
} catch {
  process.exitCode = 1;
}
