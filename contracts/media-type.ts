/** Whether a file of this declared type counts as a recording of sound. Containers count when they are declared as sound. */
export function isAudioType(mediaType: string): boolean {
  return /^audio\/|^application\/ogg$/.test(mediaType);
}
