import type { DynamicModule, Type } from '@nestjs/common';
import type { Notifier } from '@quell/event-store/notify';
import type { Broker } from '@quell/messaging/broker';
import type { Authenticator } from '@quell/service-kit/authenticator';
import type { Database } from '@quell/service-kit/database';
import type { ServiceContext } from '@quell/service-kit/start';
import type { FastifyInstance } from 'fastify';
import type { DeviceRegistryEnvironment } from './device-registry-environment.ts';

/** What the areas of the registry build on. Whatever has to be stopped registers itself with `lifecycle.onStop`. */
export interface RegistryParts extends ServiceContext<DeviceRegistryEnvironment> {
  readonly database: Database;
  readonly broker: Broker;
  /** Tells the followers of the feed of a commit. */
  readonly feed: Notifier;
}

/** One part of what the registry does for its users, in a folder of its own. */
export interface Area {
  /** Its controllers and handlers; `POOL` and `FEED` can be injected. */
  readonly module?: Type | DynamicModule;
  /** Routes outside Nest, parsers of bodies. */
  readonly routes?: (http: FastifyInstance, authenticator: Authenticator) => void;
  /** Runs while the rest of the service comes up: what takes long and needs no request. */
  readonly prepare?: () => void;
  /** Runs once the service listens: the place to start consumers and followers. */
  readonly start?: () => void | Promise<void>;
}

export type OpenArea = (parts: RegistryParts) => Area | Promise<Area>;
