import { hash } from 'node:crypto';

/**
 * Whether a decision is among the part that is kept. By a hash of what was asked, so that the same question is kept always or never, by every
 * replica.
 *
 * @param part from 0 (none) to 1 (all)
 */
export function isSampled(part: number, question: string): boolean {
  if (part >= 1) return true;
  return Number.parseInt(hash('sha256', question).slice(0, 12), 16) < part * 2 ** 48;
}
