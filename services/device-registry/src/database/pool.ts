/** Injection token of the service's `pg` pool. */
export const POOL = Symbol('pg pool');
