export { AdminClient } from './admin-client.ts';
export { AdminError } from './admin-error.ts';
export { AdminServer, type AdminServerOptions } from './admin-server.ts';
export type {
  AdminHandlers,
  AgentRow,
  Answers,
  AuditVerdict,
  OfflineHandlers,
  FogReservationRow,
  PeerRow,
  ServerRow,
  StatusAnswer,
  ToolResult,
  ToolRow,
  TroubleRow,
  VerbOptions,
} from './answers.ts';
export { newSecret, type RunFile, readRunFile, removeRunFile, writeRunFile } from './run-file.ts';
export { findRunning, type Running } from './running.ts';
export type { StreamInput, StreamName, VerbInput, VerbName } from './verbs.ts';
