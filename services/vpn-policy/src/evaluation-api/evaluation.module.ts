import { Module } from '@nestjs/common';
import { AnalysisController } from './analysis.controller.ts';

/** Calls about a policy that the caller sends along; `POST /v1/vpn/evaluate` and its bulk form are routes of their own. */
@Module({ controllers: [AnalysisController] })
export class EvaluationModule {}
