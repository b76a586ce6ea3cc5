import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Registry } from 'prom-client';
import { AUTHENTICATOR, AuthGuard } from './auth.ts';
import type { Authenticator } from './authenticator.ts';
import { Health } from './health.ts';
import { Lifecycle } from './lifecycle.ts';
import { LOG, type Log } from './log.ts';

/** The root of every Nest application: what the kit offers for injection, the guard, and the service's own module. */
@Module({})
class KitModule {}

export function kitModule(
  context: { readonly log: Log; readonly lifecycle: Lifecycle; readonly health: Health; readonly metrics: Registry },
  parts: { readonly module: Type | DynamicModule; readonly authenticator: Authenticator },
): DynamicModule {
  return {
    module: KitModule,
    global: true,
    imports: [parts.module],
    providers: [
      { provide: LOG, useValue: context.log },
      { provide: Lifecycle, useValue: context.lifecycle },
      { provide: Health, useValue: context.health },
      { provide: Registry, useValue: context.metrics },
      { provide: AUTHENTICATOR, useValue: parts.authenticator },
      { provide: APP_GUARD, useClass: AuthGuard },
    ],
    exports: [LOG, Lifecycle, Health, Registry, AUTHENTICATOR],
  };
}
