/** Injection token of the service's `pg` pool. */
export const POOL = Symbol('pg pool');

/** Injection token of the `Notifier` that tells the followers of the feed of a commit. */
export const FEED = Symbol('hints to the followers of the feed');
