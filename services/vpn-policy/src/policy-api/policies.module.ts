import { Module } from '@nestjs/common';
import { EvaluateController } from './evaluate.controller.ts';
import { PoliciesController } from './policies.controller.ts';
import { VersionsController } from './versions.controller.ts';

/** The policies over HTTP: drafts, publications, assignments, versions, and decisions by them. */
@Module({ controllers: [PoliciesController, VersionsController, EvaluateController] })
export class PoliciesModule {}
