import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@quell/testing/eventually';
import { type AgentProcess, startAgent } from '../src/demo/demo-agent.ts';
import { EICAR } from '../src/demo/eicar.ts';
import { ApiError, QuellApi } from '../src/demo/quell-api.ts';
import { type LauncherProcess, nothingLeft, processIds, quellLauncher, startLauncher } from './launcher-process.ts';

/** What a round kills. The death of any part but the agent stops the whole stack, which is then started again. */
export const parts = ['launcher', 'ingest', 'mitigation', 'vpn-policy', 'agent', 'kafka', 'postgres'] as const;
export type KilledPart = (typeof parts)[number];

/** Long enough for a walk on a busy machine: kills fall anywhere between the detection and the end of the rollback. */
const WALK_MS = 4_000;
const patience = { timeoutMs: 180_000, everyMs: 100 };

/** A stack, an agent, and the walks that were made on them. */
export class KillGround {
  readonly #dir: string;
  readonly #walks: { readonly file: string; readonly detectionId: string; readonly taskId: string }[] = [];
  #launcher: LauncherProcess | undefined;
  #agent: AgentProcess | undefined;
  #url = '';

  /** @param dir an empty folder for data, the agent's state and its files */
  constructor(dir: string) {
    this.#dir = dir;
  }

  async start(): Promise<void> {
    await mkdir(join(this.#dir, 'files'));
    await this.#startStack();
    const token = await (await this.#api()).enrolmentToken();
    this.#startAgent(['--token', token]);
    await this.#patiently(async (api) => (await api.agents()).length === 1);
  }

  async stop(): Promise<void> {
    await this.#agent?.stop('SIGKILL');
    this.#launcher?.signal('SIGTERM');
    await this.#launcher?.exit;
  }

  /** One walk, from detection to rollback, in which `part` is killed with -9 at a moment drawn by `random`. */
  async round(name: string, part: KilledPart, random: () => number): Promise<void> {
    // A round before this one may have failed half-way.
    if (!(await this.#isUp())) await this.#startStack();
    const file = join(this.#dir, 'files', `${name}.com`);
    await writeFile(file, EICAR);
    const killed = this.#killAfter(part, random() * WALK_MS);
    const walked = this.#walk(name, file);
    await Promise.all([killed, walked]);
    await this.#check();
    await this.#checkPosture();
  }

  async #walk(name: string, file: string): Promise<void> {
    const detection = {
      source: 'kill-rounds',
      sourceId: name,
      detectedAt: new Date().toISOString(),
      severity: 4 as const,
      endpoint: { hostname: 'kill-ground' },
      threat: { name: 'EICAR', kind: 'file' as const, path: file },
    };
    const { detectionIds } = await this.#patiently((api) => api.detect(detection));
    const detectionId = detectionIds[0] ?? '';
    const taskId = await this.#patiently(async (api) => (await api.detection(detectionId))?.taskId);
    this.#walks.push({ file, detectionId, taskId });
    await this.#untilStatus(taskId, 'all-threats-resolved');
    expect(await exists(file)).toBe(false);
    await this.#patiently(async (api) => {
      // A rollback whose answer was lost has opened its run: the state then refuses a second one.
      await api.rollback(taskId).catch((error: unknown) => {
        if (!(error instanceof ApiError && error.status === 409)) throw error;
      });
      return true;
    });
    await this.#untilStatus(taskId, 'rollback-successful');
    expect(await readFile(file, 'utf8')).toBe(EICAR);
  }

  /**
   * Whatever was killed before: each accepted detection has one task, its history is dense, its file is in its one place, and all tasks,
   * which put their threats back, stand in the posture of the endpoint.
   */
  async #check(): Promise<void> {
    for (const { file, detectionId, taskId } of this.#walks) {
      const { tasks, history, task } = await this.#patiently(async (api) => ({
        tasks: (await api.tasks('?limit=500')).items,
        history: (await api.history(taskId)).items,
        task: await api.task(taskId),
      }));
      const opened = tasks.filter(({ detections }) => detections.ids.includes(detectionId));
      expect(opened.map(({ id }) => id)).toEqual([taskId]);
      expect(history.map(({ version }) => version)).toEqual(history.map((_, index) => index + 1));
      expect(history).toHaveLength(task.version);
      expect(task.status.code).toBe('rollback-successful');
      expect(task.restorable).toEqual([]);
      expect(await readFile(file, 'utf8')).toBe(EICAR);
    }
  }

  async #checkPosture(): Promise<void> {
    await this.#patiently(async (api) => {
      const standing = (await api.postures()).flatMap(({ unresolved }) => unresolved);
      expect(new Set(standing.map(({ taskId }) => taskId))).toEqual(new Set(this.#walks.map(({ taskId }) => taskId)));
      expect(new Set(standing.map(({ status }) => status))).toEqual(new Set(['rollback-successful']));
      return true;
    });
  }

  async #killAfter(part: KilledPart, milliseconds: number): Promise<void> {
    await delay(milliseconds);
    if (part === 'agent') {
      await this.#agent?.stop('SIGKILL');
      this.#startAgent([]);
      return;
    }
    const ids = await processIds(this.#dataDir);
    process.kill(ids[part] ?? 0, 'SIGKILL');
    await this.#launcher?.exit;
    await nothingLeft(this.#dataDir, Object.values(ids));
    await this.#startStack();
  }

  async #isUp(): Promise<boolean> {
    return fetch(`${this.#url}/livez`).then(
      () => true,
      () => false,
    );
  }

  async #startStack(): Promise<void> {
    const port = this.#url === '' ? '0' : new URL(this.#url).port;
    const clocks = { QUELL_LEASE_SECONDS: '3', QUELL_POLL_HOLD_SECONDS: '5', QUELL_POLL_PAUSE_SECONDS: '0.2' };
    this.#launcher = startLauncher({ QUELL_DATA_DIR: this.#dataDir, QUELL_PORT: port, ...clocks }, quellLauncher);
    this.#url = await this.#launcher.ready();
  }

  #startAgent(more: readonly string[]): void {
    this.#agent = startAgent([
      ...['--url', this.#url, '--root', join(this.#dir, 'files'), '--state', join(this.#dir, 'agent')],
      ...['--hostname', 'kill-ground', '--wait', '5', '--retry-cap', '2', ...more],
    ]);
  }

  async #untilStatus(taskId: string, code: string): Promise<void> {
    await this.#patiently(async (api) => {
      const task = await api.task(taskId);
      if (task.status.code === code) return true;
      if (task.status.code !== 'mitigation-in-progress' && task.mode !== 'mitigate') {
        throw new Error(`task ${taskId} ended as ${task.status.code}: ${task.description}`);
      }
      throw new Error(`task ${taskId} is ${task.status.code}, run ${task.run}, attempt ${task.attempt}`);
    });
  }

  /** Tries until the stack answers: in a round it is away for a while. */
  #patiently<T>(look: (api: QuellApi) => Promise<T>): Promise<NonNullable<T>> {
    return eventually(async () => (await look(await this.#api())) as NonNullable<T>, patience);
  }

  async #api(): Promise<QuellApi> {
    return new QuellApi(this.#url, (await readFile(join(this.#dataDir, 'admin.key'), 'utf8')).trim());
  }

  get #dataDir(): string {
    return join(this.#dir, 'data');
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
