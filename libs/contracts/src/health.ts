import { z } from 'zod';

/** Answer of `/livez` and `/readyz`: `ok` for each check, or what is wrong. */
export const healthReport = z.object({ ok: z.boolean(), checks: z.record(z.string(), z.string()) });
