import { eventStoreConformance } from './conformance.ts';
import { freshStore } from './fresh-store.ts';
import { postgresStore } from './postgres-store.ts';

eventStoreConformance('Postgres', async (upcasters) => {
  const { pool, schema, close } = await freshStore();
  return { store: postgresStore(pool, schema, upcasters), close };
});
