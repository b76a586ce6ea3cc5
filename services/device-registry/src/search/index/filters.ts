import { deviceCapabilities } from '@quell/contracts/device';
import type { DeviceQuery } from '@quell/contracts/device-query';
import { platform } from '@quell/contracts/vocabulary';
import type { AnswerCache } from './answer-cache.ts';
import { Collector, type DocSet, intersect, setOfBits, sizeOfSet, wordsFor } from './bits.ts';
import { orLists, type PostingLists } from './posting-lists.ts';
import type { Segment } from './segment.ts';
import type { Selection } from './tally.ts';
import { CodedValues } from './value-counts.ts';

/** The documents that filters leave; undefined where there is no filter. */
export class Filters {
  readonly #segment: Segment;
  readonly #cache: AnswerCache;
  readonly #models: CodedValues;
  readonly #groups: CodedValues;
  readonly #tags: CodedValues;

  constructor(segment: Segment, cache: AnswerCache, models: CodedValues, groups: CodedValues) {
    this.#segment = segment;
    this.#cache = cache;
    this.#models = models;
    this.#groups = groups;
    this.#tags = new CodedValues(segment.tags);
  }

  #anyOf(values: readonly (number | undefined)[], lists: PostingLists): DocSet | undefined {
    if (values.length === 0) return undefined;
    const found = new Collector(this.#segment.count);
    for (const value of values) if (value !== undefined) orLists(lists, value, value + 1, found);
    return found.finish();
  }

  /** Group, platform, model and tag: of several values of one any, of several filters all. */
  others({ group, platform: systems, model, tag }: DeviceQuery): DocSet | undefined {
    if (group.length + systems.length + model.length + tag.length === 0) return undefined;
    const { groupLists, modelLists, tagLists, platformLists } = this.#segment;
    return this.#cache.keep(`filter ${JSON.stringify([group, systems, model, tag])}`, false, () => {
      const sets = [
        this.#anyOf(
          group.map((value) => this.#groups.codeOf(value)),
          groupLists,
        ),
        this.#anyOf(
          systems.map((value) => platform.options.indexOf(value) + 1),
          platformLists,
        ),
        this.#anyOf(
          model.map((value) => this.#models.codeOf(value)),
          modelLists,
        ),
        this.#anyOf(
          tag.map((value) => this.#tags.codeOf(value)),
          tagLists,
        ),
      ];
      const value = intersect(sets.filter((set) => set !== undefined));
      return { value, size: sizeOfSet(value) };
    });
  }

  features({ mask, match }: Selection): DocSet | undefined {
    if (mask === 0) return undefined;
    return this.#cache.keep(`features ${mask} ${match}`, false, () => {
      const words = wordsFor(this.#segment.count);
      const sets = deviceCapabilities.flatMap((_, index): DocSet[] => {
        if ((mask & (1 << index)) === 0) return [];
        return [setOfBits(this.#segment.capabilityBits.slice(index * words, (index + 1) * words))];
      });
      let value = sets[0]!;
      if (match === 'all') value = intersect(sets);
      else if (sets.length > 1) {
        const any = new Collector(this.#segment.count);
        for (const set of sets) any.addSet(set);
        value = any.finish();
      }
      return { value, size: sizeOfSet(value) };
    });
  }
}
