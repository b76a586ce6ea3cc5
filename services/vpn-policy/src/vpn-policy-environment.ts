import { serviceEnvironment } from '@quell/service-kit/config';
import type { z } from 'zod';

/** What the VPN policy service reads from its environment. */
export const vpnPolicyEnvironment = serviceEnvironment.extend({});
export type VpnPolicyEnvironment = z.infer<typeof vpnPolicyEnvironment>;
