import { Module } from '@nestjs/common';
import { DecisionsController } from './decisions.controller.ts';

/** The log of decisions over HTTP. */
@Module({ controllers: [DecisionsController] })
export class DecisionsModule {}
