import { eventStoreSql } from '@quell/event-store/schema';
import { deadLetterSql } from '@quell/service-kit/dead-letter-table';
import { inboxSql } from '@quell/service-kit/inbox';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { SCHEMA } from '../schema.ts';

/** The policy streams with their feed and checkpoints; how far Kafka was taken, and what could not be. */
export class EventStore0000000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of eventStoreSql(SCHEMA)) await runner.query(statement);
    await runner.query(inboxSql(SCHEMA));
    await runner.query(deadLetterSql(SCHEMA));
  }

  async down(): Promise<void> {
    throw new Error('the event store is never dropped: restore a backup instead');
  }
}
