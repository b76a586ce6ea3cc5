import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { provideKafka } from './broker.ts';
import type { Catalogue } from './catalogue.ts';
import { randomSecret, secretFile } from './data-dir.ts';
import { providePostgres } from './database.ts';
import type { Part, Provided } from './part.ts';
import { provision, type RolePasswords } from './provision.ts';
import { untilReady } from './readiness.ts';
import { type Login, logins } from './role-names.ts';
import { backendEnv, gatewayEnv } from './service-env.ts';
import { type RunningService, type ServiceOrder, startService } from './service-process.ts';
import type { Settings } from './settings.ts';
import { StartError } from './start-error.ts';

/** Told about each part as it comes up. */
export interface StackObserver {
  /** A part is up: what it is, and why this one. */
  up(name: string, text: string): void;
  /** A part takes its time. */
  progress(name: string, text: string): void;
}

/** What to start. */
export interface StackPlan {
  readonly settings: Settings;
  readonly catalogue: Catalogue;
  readonly adminKey: string;
  /** Passed on to the services, apart from what they are given. */
  readonly env: NodeJS.ProcessEnv;
}

/** A stack that answers requests. */
export interface Stack {
  readonly url: string;
  /** Process ids by part, of those this launcher started. */
  readonly processes: Readonly<Record<string, number>>;
}

/** Starts the parts of a stack and stops them again, in order, however far it came. */
export class StackRunner {
  readonly #parts: Part[] = [];
  readonly #starting = new Set<Promise<unknown>>();
  readonly #abandon = new AbortController();
  readonly #died = Promise.withResolvers<never>();
  readonly #plan: StackPlan;
  readonly #observer: StackObserver;

  constructor(plan: StackPlan, observer: StackObserver) {
    this.#plan = plan;
    this.#observer = observer;
    this.#died.promise.catch(() => {});
  }

  /** Rejects with a StartError when a part ends that was not asked to. */
  get died(): Promise<never> {
    return this.#died.promise;
  }

  /**
   * Starts Postgres and Kafka together, then the services, then the gateway; resolves when `/readyz` answers 200.
   *
   * @throws StartError of the first part that does not start, or that ends meanwhile. `stop` has to be called even then.
   */
  start(): Promise<Stack> {
    return Promise.race([this.#start(), this.died]);
  }

  /** Stops gateway, services, Kafka, Postgres, one after the other. */
  async stop(): Promise<void> {
    this.#abandon.abort();
    // A part that is just starting would escape an orderly stop. One that takes long (a download) ends with this process.
    await Promise.race([Promise.allSettled(this.#starting), delay(4_000, undefined, { ref: false })]);
    const { backends, gateway } = this.#plan.catalogue;
    for (const name of [gateway.name, ...backends.map((backend) => backend.name), 'kafka', 'postgres']) {
      await this.#parts.find((part) => part.name === name)?.stop();
    }
  }

  async #start(): Promise<Stack> {
    const { settings, catalogue, adminKey, env } = this.#plan;
    const [kafka, postgres] = await Promise.all([
      this.#provided(
        'Kafka',
        provideKafka(settings, (text) => this.#observer.progress('Kafka', text)),
      ),
      this.#provided(
        'Postgres',
        providePostgres(settings, (text) => this.#observer.progress('Postgres', text)),
      ),
    ]);
    const database = await provision(postgres.address, await rolePasswords(settings.dataDir));
    const backends = await Promise.all(
      catalogue.backends.map((backend) =>
        this.#service({ ...backend, env: backendEnv(env, backend, database, kafka.address, adminKey) }),
      ),
    );
    const gateway = await this.#service({ ...catalogue.gateway, env: gatewayEnv(env, settings, backends) });
    await untilReady(gateway.url);
    return { url: gateway.url, processes: Object.fromEntries(this.#parts.map((part) => [part.name, part.pid])) };
  }

  #provided(label: string, providing: Promise<Provided>): Promise<Provided> {
    return this.#tracked(label, providing, (provided) => {
      if (provided.part) this.#watch(provided.part);
      this.#observer.up(label, `${provided.what} (${provided.why})`);
    });
  }

  #service(order: ServiceOrder): Promise<RunningService> {
    const logs = join(this.#plan.settings.dataDir, 'logs');
    return this.#tracked(order.name, startService(order, logs, this.#abandon.signal), (service) => {
      this.#watch(service);
      this.#observer.up(order.name, service.url);
    });
  }

  /** Waits for a part to be up; `stop` waits for it too, so that none escapes. */
  async #tracked<T>(label: string, starting: Promise<T>, up: (part: T) => void): Promise<T> {
    const from = Date.now();
    const patience = setInterval(() => {
      this.#observer.progress(label, `still starting after ${Math.round((Date.now() - from) / 1000)} s`);
    }, 10_000);
    const tracked = starting.then((part) => {
      up(part);
      return part;
    });
    this.#starting.add(tracked);
    try {
      return await tracked;
    } finally {
      clearInterval(patience);
      this.#abandon.signal.throwIfAborted();
    }
  }

  #watch(part: Part): void {
    this.#parts.push(part);
    part.ended.then(({ reason }) => {
      if (!this.#abandon.signal.aborted) this.#died.reject(new StartError(`${part.name} ended: ${reason}`));
    });
  }
}

async function rolePasswords(dataDir: string): Promise<RolePasswords> {
  const password = async (login: Login) =>
    [login, await secretFile(join(dataDir, 'postgres-roles', login), randomSecret)] as const;
  return Object.fromEntries(await Promise.all(logins.map(password))) as RolePasswords;
}
