import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import type { RegistryParts } from './area.ts';
import { FEED, POOL } from './database/pool.ts';

@Module({})
class DeviceRegistryModule {}

/** What all areas share, and the areas. */
export function deviceRegistryModule(
  { database, feed }: RegistryParts,
  areas: readonly (Type | DynamicModule)[],
): DynamicModule {
  const shared = [
    { provide: POOL, useValue: database.pool },
    { provide: FEED, useValue: feed },
  ];
  return {
    module: DeviceRegistryModule,
    global: true,
    imports: [CqrsModule.forRoot(), ...areas],
    providers: shared,
    exports: shared,
  };
}
