import { labelPlaceholders } from '@quell/contracts/device-bulk';
import { type Device, identityOf } from '../device/device.ts';

type Placeholder = (typeof labelPlaceholders)[number];

/** A label to be filled in: texts, and what stands in between. */
export type LabelTemplate = readonly (string | { readonly placeholder: Placeholder })[];

/** Reads `{model} in {group}`; `{{` and `}}` are braces. @returns what is wrong with it, as text, when something is */
export function parseTemplate(text: string): LabelTemplate | string {
  const parts: (string | { placeholder: Placeholder })[] = [];
  for (const [part, name] of text.matchAll(/\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+/g)) {
    if (part === '{{' || part === '}}') parts.push(part.slice(1));
    else if (part === '{' || part === '}') return `has a "${part}" by itself; write it twice for a brace`;
    else if (name === undefined) parts.push(part);
    else {
      const placeholder = labelPlaceholders.find((known) => known === name);
      if (placeholder === undefined)
        return `has {${name}}; there are ${labelPlaceholders.map((one) => `{${one}}`).join(', ')}`;
      parts.push({ placeholder });
    }
  }
  return parts;
}

/** The label of a device by a template; what is unknown of it is left out. */
export function filledTemplate(template: LabelTemplate, device: Device): string {
  return template.map((part) => (typeof part === 'string' ? part : filling(part.placeholder, device))).join('');
}

function filling(placeholder: Placeholder, device: Device): string {
  const { hostnames, ips, macs, platform } = identityOf(device);
  const values: Record<Placeholder, string | undefined> = {
    id: device.id,
    model: device.model,
    label: device.label,
    group: device.group,
    platform,
    hostname: hostnames[0],
    ip: ips[0],
    mac: macs[0],
  };
  return values[placeholder] ?? '';
}
