/** Injection token of the service's `pg` pool. */
export const POOL = Symbol('pg pool');

/** Injection token of the pool that check-ins have for themselves. */
export const CHECK_IN_POOL = Symbol('pg pool of check-ins');
