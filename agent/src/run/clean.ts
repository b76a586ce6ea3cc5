import { randomUUID } from 'node:crypto';
import { MAX_LISTED } from '@quell/contracts/run-result';
import { walk } from '../confined/walk.ts';
import type { JournalledRun, RunItem } from '../journal/records.ts';
import { type PlannedItem, planItem, type Sighting } from '../quarantine/planned-item.ts';
import { take } from '../quarantine/take.ts';
import type { Vault } from '../quarantine/vault.ts';
import type { RunControl, RunEnvironment } from './run-environment.ts';

/** Takes the files of one run into quarantine under the journal: planned and fsynced before anything is done to a file. */
export class Cleaner {
  private readonly key: string;
  private readonly environment: RunEnvironment;
  private readonly vault: Vault;
  private readonly control: RunControl;
  private readonly maxTaken: number;
  private taken: number;
  private readonly left = new Set<string>();

  /** @param maxTaken most files that the run takes: a backup that its result cannot name could never be rolled back */
  constructor(
    key: string,
    environment: RunEnvironment,
    vault: Vault,
    control: RunControl,
    maxTaken: number = MAX_LISTED,
  ) {
    this.key = key;
    this.environment = environment;
    this.vault = vault;
    this.control = control;
    this.maxTaken = maxTaken;
    this.taken = this.items().filter(({ end }) => end?.outcome === 'taken').length;
  }

  /** Threats of which a file was left where it is, because the run takes no more. */
  get leftOver(): ReadonlySet<string> {
    return this.left;
  }

  /** Brings to an end what a crash left half done. Comes before any new look: a file in two places is put right first. */
  async settle(): Promise<void> {
    for (const item of this.items()) if (item.end === undefined) await this.end(item.plan);
  }

  async clean(sighting: Sighting, threatId: string): Promise<void> {
    this.control.signal.throwIfAborted();
    if (this.taken >= this.maxTaken) {
      this.left.add(threatId);
      return;
    }
    const plan = planItem(sighting, threatId, randomUUID());
    await this.environment.journal.append({ type: 'item-planned', key: this.key, plan });
    await this.end(plan);
  }

  /**
   * Looks inside the roots for other names of the files just taken and takes those too: a hard link is the same file. `isLeft` says
   * which paths the user wants left alone.
   */
  async cleanOtherNames(isLeft: (path: string) => boolean): Promise<void> {
    const wanted = new Map<string, PlannedItem>();
    const linksLeft = linksLeftByFile(this.items());
    for (const { plan, end } of this.items()) {
      if (end?.outcome === 'taken' && (linksLeft.get(fileOf(plan)) ?? 0) > 0) wanted.set(fileOf(plan), plan);
    }
    if (wanted.size === 0) return;
    for (const root of this.environment.roots) {
      for await (const { place, stat } of walk(root, [], () => {})) {
        const plan = wanted.get(`${stat.dev}:${stat.ino}`);
        if (plan === undefined) continue;
        const { sha256, name, threatId } = plan;
        const sighting = { place, device: stat.dev, inode: stat.ino, sha256, name };
        if (!isLeft(planItem(sighting, threatId, plan.backupId).path)) await this.clean(sighting, threatId);
      }
    }
  }

  private async end(plan: PlannedItem): Promise<void> {
    const { run = 0, work } = this.entry();
    const end = await take(plan, {
      roots: this.environment.roots,
      vault: this.vault,
      taskId: work.taskId,
      run,
      now: this.environment.now(),
      signal: this.control.signal,
      log: this.environment.log,
    });
    if (end.outcome === 'taken') this.taken += 1;
    await this.environment.journal.append({ type: 'item-ended', key: this.key, backupId: plan.backupId, end });
  }

  private entry(): JournalledRun {
    const entry = this.environment.journal.state.get(this.key);
    if (entry === undefined) throw new Error(`the journal does not know ${this.key}`);
    return entry;
  }

  private items(): readonly RunItem[] {
    return this.entry().items;
  }
}

/** How many names of each taken file are left, after all that was taken of it. */
export function linksLeftByFile(items: readonly RunItem[]): Map<string, number> {
  const left = new Map<string, number>();
  for (const { plan, end } of items) {
    if (end?.outcome !== 'taken') continue;
    const file = fileOf(plan);
    left.set(file, Math.min(left.get(file) ?? end.linksLeft, end.linksLeft));
  }
  return left;
}

/** A file by its inode: all its hard links are one. */
export const fileOf = ({ device, inode }: PlannedItem): string => `${device}:${inode}`;
