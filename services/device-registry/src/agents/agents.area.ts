import { Module } from '@nestjs/common';
import type { Area, RegistryParts } from '../area.ts';
import { AgentsController } from './agents.controller.ts';
import { AssignAgentHandler } from './assign-handler.ts';
import { startAgentConsumer } from './consumer.ts';
import { ListUnresolvedAgentsHandler } from './queries.ts';

@Module({ controllers: [AgentsController], providers: [ListUnresolvedAgentsHandler, AssignAgentHandler] })
class AgentsModule {}

/** Which agent runs on which device, and when each was seen. */
export function openAgents({ database, broker, feed, log, lifecycle }: RegistryParts): Area {
  return {
    module: AgentsModule,
    async start() {
      const onChange = () => feed.notify();
      const consumer = await startAgentConsumer({ pool: database.pool, broker, log, onChange });
      lifecycle.onStop('consumers', 'agents', () => consumer.stop());
      // A log that does not fit the stored offsets must not be read on: nobody handles the rejection of this promise (that of
      // `finished` itself is handled), so it ends the process with its cure.
      void consumer.finished.then(() => undefined);
    },
  };
}
