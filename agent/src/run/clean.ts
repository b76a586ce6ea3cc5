import { randomUUID } from 'node:crypto';
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

  constructor(key: string, environment: RunEnvironment, vault: Vault, control: RunControl) {
    this.key = key;
    this.environment = environment;
    this.vault = vault;
    this.control = control;
  }

  /** Brings to an end what a crash left half done. Comes before any new look: a file in two places is put right first. */
  async settle(): Promise<void> {
    for (const item of this.items()) if (item.end === undefined) await this.end(item.plan);
  }

  async clean(sighting: Sighting, threatId: string): Promise<void> {
    this.control.signal.throwIfAborted();
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
    for (const { plan, end } of this.items()) {
      if (end?.outcome === 'taken' && linksLeft(this.items(), plan) > 0) wanted.set(fileOf(plan), plan);
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
    });
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

/** How many names of a taken file are left, after all that was taken of it. */
export function linksLeft(items: readonly RunItem[], plan: PlannedItem): number {
  const counts = items.flatMap(({ plan: other, end }) =>
    fileOf(other) === fileOf(plan) && end?.outcome === 'taken' ? [end.linksLeft] : [],
  );
  return counts.length === 0 ? 0 : Math.min(...counts);
}

const fileOf = ({ device, inode }: PlannedItem): string => `${device}:${inode}`;
