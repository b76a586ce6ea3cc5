/** One running part of the stack that this launcher started and has to stop. */
export interface Part {
  readonly name: string;
  readonly pid: number;
  /** Resolves once it is gone, whoever ended it, with the last it had to say. */
  readonly ended: Promise<{ reason: string }>;
  stop(): Promise<void>;
}

/** A server that the services need, and how the user is told of it. */
export interface Provided {
  /** Superuser URL of Postgres, or `host:port[,…]` of Kafka. */
  readonly address: string;
  /** What it is, for the user: `embedded Postgres at 127.0.0.1:5432`. */
  readonly what: string;
  /** Why this one: `no DATABASE_URL, no Docker engine`. */
  readonly why: string;
  /** Absent when the server is not ours to stop. */
  readonly part?: Part;
}

/** Tells the user what a part is doing while it takes its time. */
export type Progress = (text: string) => void;
