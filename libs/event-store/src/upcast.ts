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
 * @returns the event's data and schema version after every upcaster that applies.
 * @throws Error when an upcaster does not raise the version: it would be applied for ever.
 */
export function upcast({ type, schemaVersion, data }: VersionedData, upcasters: Upcasters): VersionedData {
  const ofType = Object.hasOwn(upcasters, type) ? upcasters[type] : undefined;
  let current: VersionedData = { type, schemaVersion, data };
  for (let lift = ofType?.[schemaVersion]; lift; lift = ofType?.[current.schemaVersion]) {
    const lifted = lift(current.data);
    if (!(lifted.schemaVersion > current.schemaVersion)) {
      const versions = `from ${current.schemaVersion} to ${lifted.schemaVersion}`;
      throw new Error(`the upcaster of ${type} does not raise the version (${versions})`);
    }
    current = { type, schemaVersion: lifted.schemaVersion, data: lifted.data };
  }
  return current;
}
