import { serviceEnvironment } from '@quell/service-kit/config';
import type { z } from 'zod';
import { searchEnvironment } from './search/search-environment.ts';

/** What the device registry reads from its environment. */
export const deviceRegistryEnvironment = serviceEnvironment.extend(searchEnvironment);
export type DeviceRegistryEnvironment = z.infer<typeof deviceRegistryEnvironment>;
