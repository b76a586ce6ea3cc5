/** The Postgres schema of this service: its event store and every table beside it. */
export const SCHEMA = 'device_registry';
