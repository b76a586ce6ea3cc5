/** Lifts the data of one event from one schema version to a higher one. Pure: no clock, no random, no I/O. */
export type Upcaster = (data: unknown) => { readonly schemaVersion: number; readonly data: unknown };

/** `upcasters[type][fromVersion]`; chained until no upcaster is found for the version reached. */
export type Upcasters = Readonly<Record<string, Readonly<Record<number, Upcaster>>>>;

export interface VersionedData {
  readonly type: string;
  readonly schemaVersion: number;
  readonly data: unknown;
}

/**
 * @returns the event with its data and schema version after every upcaster that applies; the same object when none does.
 * @throws Error when an upcaster does not raise the version: it would be applied for ever.
 */
export function upcast<E extends VersionedData>(event: E, upcasters: Upcasters): E {
  const ofType = Object.hasOwn(upcasters, event.type) ? upcasters[event.type] : undefined;
  let current = event;
  for (let lift = ofType?.[event.schemaVersion]; lift; lift = ofType?.[current.schemaVersion]) {
    const { schemaVersion, data } = lift(current.data);
    if (!(schemaVersion > current.schemaVersion)) {
      const versions = `from ${current.schemaVersion} to ${schemaVersion}`;
      throw new Error(`the upcaster of ${event.type} does not raise the version (${versions})`);
    }
    current = { ...current, schemaVersion, data };
  }
  return current;
}
