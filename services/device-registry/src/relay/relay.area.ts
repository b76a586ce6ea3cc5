import { relayRunner } from '@quell/event-store/relay';
import type { Area, RegistryParts } from '../area.ts';
import { deviceRelay, relayTopic } from './device-relay.ts';

/** Tells the other services of devices, on `devices.v1`. */
export function openRelay({ config, database, broker, log, lifecycle }: RegistryParts): Area {
  const relay = deviceRelay(database.pool, (messages) => broker.publish(relayTopic, messages));
  const follower = relayRunner(relay, {
    connection: { connectionString: config.DATABASE_URL },
    onError: (err) => log.warn({ err }, 'the relay of devices met an error'),
  });
  return {
    start() {
      follower.start();
      lifecycle.onStop('consumers', 'relay of devices', () => follower.stop());
    },
  };
}
