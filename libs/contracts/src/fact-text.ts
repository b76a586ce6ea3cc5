import type { z } from 'zod';
import type { agentComponent, ReportedThreat, RollbackItem } from './run-result.ts';
import type { TaskEndpoint } from './task-endpoint.ts';

/** How many threats or items one sentence names before it only counts the rest. */
const NAMED_AT_MOST = 10;

// biome-ignore lint/suspicious/noControlCharactersInRegex: an agent's text must not be able to forge lines in a log or a terminal
const controlCharacters = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** A value that somebody else chose, in quotation marks and on one line. */
export function valueText(value: string): string {
  return `"${value.replaceAll(controlCharacters, '\ufffd')}"`;
}

/** A duration in the largest unit that leaves it whole: `600` is "10 min". */
export function secondsText(seconds: number): string {
  if (seconds >= 3600 && seconds % 3600 === 0) return `${seconds / 3600} h`;
  if (seconds >= 60 && seconds % 60 === 0) return `${seconds / 60} min`;
  return `${seconds} s`;
}

/** Every name by which an endpoint is known, the most telling first. */
export function hostText({ hostname, deviceId, ips, platform, endpointId }: TaskEndpoint): string {
  const name = hostname ?? deviceId;
  const details = [...ips, ...(platform === undefined ? [] : [platform])];
  const known = name === undefined ? `endpoint ${endpointId}` : valueText(name);
  return details.length === 0 ? known : `${known} (${details.join(', ')})`;
}

/** "The component: …" with its version and error, or that the agent named none. */
export function componentText(component: z.infer<typeof agentComponent> | undefined): string {
  if (component === undefined) return 'The agent did not name the component.';
  const version = component.version === undefined ? '' : `, version ${valueText(component.version)}`;
  const error = component.error === undefined ? '' : `, error ${valueText(component.error)}`;
  return `The component: ${valueText(component.name)}${version}${error}.`;
}

/** "Not resolved: …" for threats with their place and the agent's error; says so when none is on record. */
export function threatsText(heading: string, threats: readonly ReportedThreat[]): string {
  return listText(
    heading,
    threats.map(({ name, path, error }) => {
      const place = path === undefined ? '' : ` at ${valueText(path)}`;
      return `${valueText(name)}${place}${error === undefined ? '' : `, ${valueText(error)}`}`;
    }),
  );
}

/** "Not restored: …" for the items of a rollback that did not come back. A path is known only while the item is restorable. */
export function itemsText(
  heading: string,
  items: readonly RollbackItem[],
  restorable: readonly { id: string; path?: string | undefined }[],
): string {
  const paths = new Map(restorable.map(({ id, path }) => [id, path]));
  return listText(
    heading,
    items
      .filter((item) => !item.restored)
      .map(({ id, reason, detail }) => {
        const why = [reason ?? 'no reason given', ...(detail === undefined ? [] : [valueText(detail)])].join(', ');
        return `${valueText(paths.get(id) ?? id)} (${why})`;
      }),
  );
}

function listText(heading: string, entries: readonly string[]): string {
  if (entries.length === 0) return `${heading}: none is named on record.`;
  const more = entries.length - NAMED_AT_MOST;
  return `${heading}: ${entries.slice(0, NAMED_AT_MOST).join('; ')}${more > 0 ? `; and ${more} more` : ''}.`;
}
