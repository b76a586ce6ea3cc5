import { topics } from '@quell/contracts/topics';
import type { Broker } from '@quell/messaging/broker';
import { Gauge, type Registry } from '@quell/service-kit/metrics';

/** What tells an operator whether decisions know of the latest devices. */
export function measureDevices(registry: Registry, broker: Pick<Broker, 'health'>): void {
  new Gauge({
    name: 'vpn_policy_device_records_waiting',
    help: 'Records of devices on Kafka that were not taken yet',
    labelNames: ['partition'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { partitions } of broker.health().consumers) {
        for (const { topic, partition, lag } of partitions) {
          if (topic === topics.devices && lag !== undefined) this.set({ partition: String(partition) }, Number(lag));
        }
      }
    },
  });
}
