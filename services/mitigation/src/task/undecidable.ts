/** A pure decision or fold threw, which it does again on the same input: whatever it was given is to be set aside, and looked at. */
export class Undecidable extends Error {
  override readonly name = 'Undecidable';

  constructor(cause: unknown) {
    super(`our own code failed on it: ${cause}`, { cause });
  }
}

/** Runs a pure function. @throws Undecidable when it throws */
export function deciding<T>(decide: () => T): T {
  try {
    return decide();
  } catch (error) {
    throw new Undecidable(error);
  }
}
