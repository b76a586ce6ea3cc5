import type { FilePlace } from '@quell/contracts/file-place';

/** A value of a property list and where it stands. The bytes of `data` are not kept: what needs them is a secret. */
export type PlistValue = { readonly at: FilePlace } & (
  | { readonly kind: 'dict'; readonly entries: ReadonlyMap<string, PlistEntry> }
  | { readonly kind: 'array'; readonly items: readonly PlistValue[] }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'date'; readonly value: string }
  | { readonly kind: 'data' }
);

export type PlistEntry = { readonly keyAt: FilePlace; readonly value: PlistValue };
