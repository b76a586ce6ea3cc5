/** Text as the contract takes it: cut to a length, never in the middle of a character, and without U+0000. */
export function fitText(text: string, maxLength: number): string {
  return text.slice(0, maxLength).toWellFormed().replaceAll('\0', '\ufffd');
}
