import { z } from 'zod';

/** What is certain of an OpenAPI document (`GET /openapi.json`); its own schema says the rest. */
export const openApiShape = z.looseObject({ openapi: z.string(), paths: z.record(z.string(), z.unknown()) });
