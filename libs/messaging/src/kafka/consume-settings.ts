import type { ConsumeOptions } from '../broker.ts';

type Defaults = Required<Omit<ConsumeOptions, 'group' | 'topics' | 'handle' | 'startOffsets'>>;

/** `ConsumeOptions` with every default filled in. */
export type ConsumeSettings = ConsumeOptions & Defaults;

const defaults: Defaults = {
  partitionsConcurrently: 2,
  maxBatch: 500,
  pollSeconds: 0.25,
  sessionTimeoutSeconds: 6,
  stallAfterSeconds: 60,
  retrySeconds: { first: 0.1, most: 30 },
  stopTimeoutSeconds: 10,
};

/** @throws RangeError when an option makes no sense. */
export function consumeSettings(options: ConsumeOptions): ConsumeSettings {
  const settings: ConsumeSettings = { ...defaults, ...options };
  const positive = {
    partitionsConcurrently: settings.partitionsConcurrently,
    maxBatch: settings.maxBatch,
    pollSeconds: settings.pollSeconds,
    sessionTimeoutSeconds: settings.sessionTimeoutSeconds,
    stallAfterSeconds: settings.stallAfterSeconds,
    'retrySeconds.first': settings.retrySeconds.first,
    stopTimeoutSeconds: settings.stopTimeoutSeconds,
  };
  for (const [name, value] of Object.entries(positive)) {
    if (!(value > 0)) throw new RangeError(`${name} must be above 0, it is ${value}`);
  }
  if (options.topics.length === 0) throw new RangeError('topics must name at least one topic');
  return settings;
}
