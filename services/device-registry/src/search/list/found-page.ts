import type { Device } from '@quell/contracts/device';
import type { DevicePage } from '@quell/contracts/device-search';
import type { Highlight } from '@quell/device-query/highlight';

/** `DevicePage` as it is made: nobody writes to it again. */
export type FoundPage = Omit<DevicePage, 'items'> & {
  readonly items: readonly (Device & { readonly highlights: readonly Highlight[] })[];
};
