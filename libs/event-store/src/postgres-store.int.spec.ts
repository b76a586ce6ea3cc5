import { eventStoreConformance } from './conformance.ts';
import { freshStore } from './fresh-store.fixture.ts';
import { postgresStore } from './postgres-store.ts';

eventStoreConformance('Postgres', async (upcasters) => {
  const { pool, schema, close } = await freshStore();
  return { store: postgresStore(pool, schema, upcasters), close };
});
