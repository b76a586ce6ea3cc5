import { eventStoreSql } from '@quell/event-store/schema';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { SCHEMA } from '../schema.ts';

/** The device streams, their feed and the followers' checkpoints. TypeORM orders migrations by the digits at the end of the name. */
export class EventStore0000000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of eventStoreSql(SCHEMA)) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('the event store is never dropped: restore a backup instead');
  }
}
