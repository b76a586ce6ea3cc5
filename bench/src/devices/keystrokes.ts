import type { DeviceCapability } from '@quell/contracts/device';
import { deviceCapabilities } from '@quell/contracts/device';
import type { BenchDevice } from './generate.ts';

/** What stands in the box after one keystroke, and the features that are ticked. */
export interface Keystroke {
  readonly q: string;
  readonly feature: readonly DeviceCapability[];
  readonly match: 'all' | 'any';
}

/**
 * People at the search box: each picks a device, types what they know of it letter by letter, and has a filter on half of the
 * time. `random` gives numbers from 0 to below 1, so that every contender gets the same.
 */
export function keystrokes(devices: readonly BenchDevice[], count: number, random: () => number): Keystroke[] {
  const below = (bound: number) => Math.floor(random() * bound);
  const one = <T>(values: readonly T[]): T => values[below(values.length)]!;
  const typed: Keystroke[] = [];
  while (typed.length < count) {
    const device = one(devices);
    const text = knownOf(device, below);
    const filtered = random() < 0.5;
    const feature = filtered ? [...new Set([one(deviceCapabilities), one(deviceCapabilities)])] : [];
    const match = random() < 0.5 ? 'all' : 'any';
    for (let length = 1; length <= Math.min(text.length, 14); length++) {
      typed.push({ q: text.slice(0, length), feature, match });
    }
  }
  return typed.slice(0, count);
}

/** The id, words of the label in some order, the model, or a word and a model. */
function knownOf({ id, label, model }: BenchDevice, below: (bound: number) => number): string {
  const words = label.split(' ').filter((word) => word !== '');
  switch (below(4)) {
    case 0:
      return id;
    case 1:
      return words.length === 0 ? id : words.slice(below(words.length)).join(' ');
    case 2:
      return model === '' ? id : model;
    default:
      return words.length === 0 ? id : `${words[below(words.length)]} ${model}`;
  }
}
