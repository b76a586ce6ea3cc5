import type { z } from 'zod';
import { agentDto, agentPage } from '../agent-list.ts';
import {
  agentConfiguration,
  agentTaskRequest,
  agentTaskResponse,
  attemptEventsResponse,
  checkInRequest,
  checkInResponse,
  enrolmentTokenRequest,
  enrolmentTokenResponse,
  enrolRequest,
  enrolResponse,
  eventOutcome,
  handedTask,
  hostFacts,
} from '../agent-protocol.ts';
import { apiKeyDto, apiKeyPage, apiKeyRequest, createdApiKey } from '../api-keys.ts';
import {
  campaignDto,
  campaignPage,
  campaignPreview,
  campaignRequest,
  campaignTargetPage,
  cancelCampaignRequest,
} from '../campaign.ts';
import { detectedThreat, endpointHint, nativeDetection } from '../detection.ts';
import { detectionDto, detectionPage, detectionsAnswer, detectionsRequest } from '../detection-api.ts';
import { device } from '../device.ts';
import {
  assignAgentRequest,
  devicePatch,
  registerDeviceRequest,
  unresolvedAgent,
  unresolvedAgentPage,
} from '../device-api.ts';
import { deviceBulkPreview, deviceBulkRequest } from '../device-bulk.ts';
import { deviceImportAnswer } from '../device-import.ts';
import { deviceFacets, deviceHighlight, devicePage, deviceSuggestions } from '../device-search.ts';
import { healthReport } from '../health.ts';
import { jobDto, jobFailure, jobFailurePage, jobPage } from '../job.ts';
import {
  mitigationExceptionDto,
  mitigationExceptionPage,
  mitigationExceptionRequest,
  suspendAnswer,
  suspendRequest,
} from '../mitigation-exception.ts';
import { mitigationPolicy } from '../mitigation-policy.ts';
import { openApiShape } from '../openapi-shape.ts';
import { problem } from '../problem.ts';
import { attemptEvents } from '../routes/agents.ts';
import { runPayload } from '../run-payload.ts';
import { reportedThreat, runResult } from '../run-result.ts';
import { taskStatusItem, taskStatusList } from '../status-catalogue.ts';
import { historyItem, openTaskRequest, recommendedAction, statusLabel, taskDto } from '../task.ts';
import { acknowledgeRequest, historyPage, taskPage } from '../task-api.ts';
import { taskEndpoint } from '../task-endpoint.ts';
import { taskStatus } from '../task-status.ts';
import { vpnAnyLintAnswer } from '../vpn-any-lint.ts';
import { vpnDecisionDto, vpnDecisionPage } from '../vpn-decision.ts';
import { vpnAnyDiffAnswer } from '../vpn-diff.ts';
import { vpnEvaluateAnswer, vpnEvaluateRequest } from '../vpn-evaluate.ts';
import { vpnExportAnswer, vpnExportRequest, vpnImportAnswer } from '../vpn-formats.ts';
import { vpnFinding } from '../vpn-lint.ts';
import { ciscoFinding } from '../vpn-lint-cisco.ts';
import { globalProtectFinding } from '../vpn-lint-globalprotect.ts';
import {
  assignVpnPolicy,
  publishVpnPolicy,
  retireVpnPolicy,
  rollBackVpnPolicy,
  vpnDecision,
  vpnDeviceEvaluateRequest,
  vpnDevicePage,
  vpnPolicyDiffAnswer,
  vpnPolicyDraft,
  vpnPolicyDto,
  vpnPolicyEvaluateRequest,
  vpnPolicyHistoryPage,
  vpnPolicyPage,
  vpnPolicySummary,
  vpnPolicyValidation,
  vpnPolicyVersion,
  vpnPolicyVersionDto,
  vpnPolicyVersionPage,
} from '../vpn-policy-api.ts';
import { sentVpnPolicyBody, vpnDiffRequest, vpnLintRequest, vpnPolicyBody } from '../vpn-policy-body.ts';
import { sentVpnPolicyContent, vpnPolicyContent } from '../vpn-policy-events.ts';
import { devicePosture, posturePage } from '../vpn-posture.ts';
import { vpnWhatIfAnswer, vpnWhatIfRequest } from '../vpn-what-if.ts';

/** The names of the schemas in the OpenAPI document. A name is part of what generated clients rely on: do not change one. */
export const componentNames: Readonly<Record<string, z.ZodType>> = {
  Problem: problem,
  NativeDetection: nativeDetection,
  EndpointHint: endpointHint,
  DetectedThreat: detectedThreat,
  DetectionsRequest: detectionsRequest,
  DetectionsAnswer: detectionsAnswer,
  Detection: detectionDto,
  DetectionPage: detectionPage,
  TaskStatusItem: taskStatusItem,
  TaskStatusList: taskStatusList,
  StatusLabel: statusLabel,
  StatusFacts: taskStatus,
  RecommendedAction: recommendedAction,
  ReportedThreat: reportedThreat,
  TaskEndpoint: taskEndpoint,
  Task: taskDto,
  TaskPage: taskPage,
  OpenTaskRequest: openTaskRequest,
  AcknowledgeRequest: acknowledgeRequest,
  CampaignRequest: campaignRequest,
  CampaignPreview: campaignPreview,
  Campaign: campaignDto,
  CampaignPage: campaignPage,
  CampaignTargetPage: campaignTargetPage,
  CancelCampaignRequest: cancelCampaignRequest,
  HistoryItem: historyItem,
  HistoryPage: historyPage,
  HostFacts: hostFacts,
  EnrolmentTokenRequest: enrolmentTokenRequest,
  EnrolmentToken: enrolmentTokenResponse,
  EnrolRequest: enrolRequest,
  EnrolAnswer: enrolResponse,
  CheckInRequest: checkInRequest,
  CheckInAnswer: checkInResponse,
  HandedTask: handedTask,
  RunPayload: runPayload,
  RunResult: runResult,
  AttemptEvents: attemptEvents,
  AttemptEventsAnswer: attemptEventsResponse,
  EventOutcome: eventOutcome,
  AgentTaskRequest: agentTaskRequest,
  AgentTaskAnswer: agentTaskResponse,
  AgentConfiguration: agentConfiguration,
  Agent: agentDto,
  AgentPage: agentPage,
  Device: device,
  RegisterDeviceRequest: registerDeviceRequest,
  DevicePatch: devicePatch,
  AssignAgentRequest: assignAgentRequest,
  UnresolvedAgent: unresolvedAgent,
  UnresolvedAgentPage: unresolvedAgentPage,
  DevicePage: devicePage,
  DeviceFacets: deviceFacets,
  DeviceHighlight: deviceHighlight,
  DeviceSuggestions: deviceSuggestions,
  DeviceImportAnswer: deviceImportAnswer,
  DeviceBulkRequest: deviceBulkRequest,
  DeviceBulkPreview: deviceBulkPreview,
  Job: jobDto,
  JobPage: jobPage,
  JobFailure: jobFailure,
  JobFailurePage: jobFailurePage,
  MitigationPolicy: mitigationPolicy,
  MitigationExceptionRequest: mitigationExceptionRequest,
  MitigationException: mitigationExceptionDto,
  MitigationExceptionPage: mitigationExceptionPage,
  SuspendRequest: suspendRequest,
  SuspendAnswer: suspendAnswer,
  ApiKeyRequest: apiKeyRequest,
  ApiKey: apiKeyDto,
  CreatedApiKey: createdApiKey,
  ApiKeyPage: apiKeyPage,
  DevicePosture: devicePosture,
  DevicePosturePage: posturePage,
  VpnEvaluateRequest: vpnEvaluateRequest,
  VpnEvaluateAnswer: vpnEvaluateAnswer,
  VpnLintRequest: vpnLintRequest,
  VpnLintAnswer: vpnAnyLintAnswer,
  VpnFinding: vpnFinding,
  VpnCiscoFinding: ciscoFinding,
  VpnGlobalProtectFinding: globalProtectFinding,
  VpnImportAnswer: vpnImportAnswer,
  VpnExportRequest: vpnExportRequest,
  VpnExportAnswer: vpnExportAnswer,
  VpnPolicyBody: vpnPolicyBody,
  SentVpnPolicyBody: sentVpnPolicyBody,
  VpnDiffRequest: vpnDiffRequest,
  VpnDiffAnswer: vpnAnyDiffAnswer,
  VpnPolicyContent: vpnPolicyContent,
  SentVpnPolicyContent: sentVpnPolicyContent,
  VpnPolicyDraft: vpnPolicyDraft,
  VpnPolicy: vpnPolicyDto,
  VpnPolicySummary: vpnPolicySummary,
  VpnPolicyDiffAnswer: vpnPolicyDiffAnswer,
  VpnPolicyPage: vpnPolicyPage,
  VpnPolicyValidation: vpnPolicyValidation,
  PublishVpnPolicyRequest: publishVpnPolicy,
  RollBackVpnPolicyRequest: rollBackVpnPolicy,
  RetireVpnPolicyRequest: retireVpnPolicy,
  AssignVpnPolicyRequest: assignVpnPolicy,
  VpnPolicyVersion: vpnPolicyVersion,
  VpnPolicyVersionWithContent: vpnPolicyVersionDto,
  VpnPolicyVersionPage: vpnPolicyVersionPage,
  VpnPolicyHistoryPage: vpnPolicyHistoryPage,
  VpnPolicyDevicePage: vpnDevicePage,
  VpnPolicyEvaluateRequest: vpnPolicyEvaluateRequest,
  VpnDeviceEvaluateRequest: vpnDeviceEvaluateRequest,
  VpnDecision: vpnDecision,
  VpnLoggedDecision: vpnDecisionDto,
  VpnDecisionPage: vpnDecisionPage,
  VpnWhatIfRequest: vpnWhatIfRequest,
  VpnWhatIfAnswer: vpnWhatIfAnswer,
  HealthReport: healthReport,
  OpenApiDocument: openApiShape,
};
