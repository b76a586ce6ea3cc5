import net from 'node:net';
import { Kafka, logLevel, type RetryOptions } from 'kafkajs';
import type { BrokerLogger } from '../broker.ts';
import { fixRequestQueueTimer } from './kafkajs-fixes.ts';
import { quickenHeaders } from './quick-headers.ts';

fixRequestQueueTimer();
quickenHeaders();

export interface ClientOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly logger: BrokerLogger;
}

/** One kafkajs client with sockets of its own, which can be cut whatever kafkajs is waiting for. */
export interface Client {
  readonly kafka: Kafka;
  /** Destroys every socket and lets no new one connect: what still retries inside kafkajs can do nothing more. */
  cut(): void;
}

/**
 * Every field is set: under NODE_ENV=test kafkajs has other defaults. About one second in all; waiting longer is the
 * business of our own loops, which know when to give up.
 */
export const briefRetry = {
  initialRetryTime: 50,
  factor: 0.2,
  multiplier: 2,
  maxRetryTime: 500,
  retries: 4,
} satisfies RetryOptions;

/** About six seconds: a broker that restarts is back by then, and the consumer need not join anew. */
export const consumerRetry = {
  ...briefRetry,
  initialRetryTime: 100,
  maxRetryTime: 1000,
  retries: 8,
} satisfies RetryOptions;

export const requestTimeoutMs = 10_000;
const connectionTimeoutMs = 3_000;
const keepAliveMs = 60_000;

export function createClient({ brokers, clientId, logger }: ClientOptions): Client {
  const sockets = new Set<net.Socket>();
  let isCut = false;
  const kafka = new Kafka({
    brokers: [...brokers],
    clientId,
    connectionTimeout: connectionTimeoutMs,
    requestTimeout: requestTimeoutMs,
    retry: briefRetry,
    logLevel: logLevel.INFO,
    // kafkajs logs as an error what it then retries. What is not overcome reaches our own code, which logs or throws it.
    logCreator: () => (entry) => {
      const { message, timestamp: _, logger: __, ...fields } = entry.log;
      logger.debug({ ...fields, namespace: entry.namespace }, `kafkajs: ${message}`);
    },
    socketFactory: ({ host, port, onConnect }) => {
      if (isCut) return new net.Socket().destroy(closed());
      const socket = net.connect({ host, port }, onConnect).setKeepAlive(true, keepAliveMs).setNoDelay(true);
      sockets.add(socket);
      return socket.once('close', () => sockets.delete(socket));
    },
  });
  return {
    kafka,
    cut() {
      isCut = true;
      // With an error: kafkajs does not listen to 'close' and would believe in the connection for ever.
      for (const socket of sockets) socket.destroy(closed());
    },
  };
}

function closed(): Error {
  return new Error('this Kafka client was closed');
}
