import type { AttachedFile } from '../../contracts/services.js';

// Recordings made of nothing but headers and silence, as valid as those of a device.

const RATE = 8_000;

/** One channel of 8-bit silence; every recording with another `seed` has other bytes. */
export function wavOf(seconds: number, seed = 0): Buffer {
  const samples = Buffer.alloc(Math.round(RATE * seconds), 128);
  if (samples.length > 4) samples.writeUInt32LE(seed, 0);
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + samples.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(RATE, 24);
  head.writeUInt32LE(RATE, 28);
  head.writeUInt16LE(1, 32);
  head.writeUInt16LE(8, 34);
  head.write('data', 36);
  head.writeUInt32LE(samples.length, 40);
  return Buffer.concat([head, samples]);
}

/** A voice note of the user as skills are handed it. */
export function recordingOf(id: string, changes: Partial<AttachedFile> = {}): AttachedFile {
  const bytes = opusOf(4);
  const size = bytes.length;
  return { id, name: 'note.ogg', mediaType: 'audio/ogg', size, seconds: 4, forwarded: false, bytes, ...changes };
}

const OPUS_RATE = 48_000;
const PRE_SKIP = 312;
const LAST = 4;
const FIRST = 2;

/** A voice note as messengers make them: Opus in Ogg, with one page of sound that says how long all of it is. */
export function opusOf(seconds: number, serial = 1): Buffer {
  const head = Buffer.alloc(19);
  head.write('OpusHead', 0);
  head.writeUInt8(1, 8);
  head.writeUInt8(1, 9);
  head.writeUInt16LE(PRE_SKIP, 10);
  head.writeUInt32LE(OPUS_RATE, 12);
  const tags = Buffer.concat([Buffer.from('OpusTags'), Buffer.alloc(8)]);
  // One packet of silence in the widest band.
  const sound = Buffer.from([0xf8, 0xff, 0xfe]);
  const length = BigInt(Math.round(OPUS_RATE * seconds) + PRE_SKIP);
  return Buffer.concat([
    oggPage(serial, 0, FIRST, 0n, head),
    oggPage(serial, 1, 0, 0n, tags),
    oggPage(serial, 2, LAST, length, sound),
  ]);
}

function oggPage(serial: number, number: number, flags: number, position: bigint, packet: Buffer): Buffer {
  const page = Buffer.alloc(28);
  page.write('OggS', 0);
  page.writeUInt8(flags, 5);
  page.writeBigUInt64LE(position, 6);
  page.writeUInt32LE(serial, 14);
  page.writeUInt32LE(number, 18);
  page.writeUInt8(1, 26);
  page.writeUInt8(packet.length, 27);
  const whole = Buffer.concat([page, packet]);
  whole.writeUInt32LE(oggChecksum(whole), 22);
  return whole;
}

/** CRC-32 with the polynomial 04c11db7, neither reflected nor inverted. */
function oggChecksum(bytes: Buffer): number {
  let sum = 0;
  for (const byte of bytes) {
    sum = (sum ^ (byte << 24)) >>> 0;
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 0x80000000 ? ((sum << 1) ^ 0x04c11db7) >>> 0 : (sum << 1) >>> 0;
  }
  return sum;
}
