import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { Notifier } from '@quell/event-store/notify';
import type { Pool } from 'pg';
import { FEED, POOL } from '../database/pool.ts';
import { type Assignment, type AssignmentAnswer, assignAgent } from './assign-agent.ts';

export class AssignAgent extends Command<AssignmentAnswer> {
  constructor(readonly assignment: Assignment) {
    super();
  }
}

@CommandHandler(AssignAgent)
export class AssignAgentHandler implements ICommandHandler<AssignAgent> {
  constructor(
    @Inject(POOL) private readonly pool: Pool,
    @Inject(FEED) private readonly feed: Notifier,
  ) {}

  execute = async ({ assignment }: AssignAgent) => {
    const answer = await assignAgent(this.pool, assignment);
    if (answer.ok && answer.position !== undefined) this.feed.notify();
    return answer;
  };
}
