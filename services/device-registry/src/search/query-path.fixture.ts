import type { DeviceQuery } from '@quell/contracts/device-query';

/** A query as parameters of a URL. */
export function parametersOf(query: DeviceQuery, more: Readonly<Record<string, string>> = {}): string {
  const parameters = new URLSearchParams(more);
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value].flat()) parameters.append(name, one);
  }
  return parameters.toString();
}
