export {
  abilitiesFromBits,
  abilitiesOf,
  bitsOfAbilities,
  capabilitiesOf,
  CLIENT_ABILITIES,
  type ClientAbilities,
  type ClientAbility,
  NO_ABILITIES,
} from './client-abilities.ts';
export {
  type ClientAnswer,
  type ClientQuestion,
  isRpcError,
  missingCapability,
  readAnswer,
  readQuestion,
  unaskable,
} from './client-question.ts';
export { isLogLevel, isWanted, LOG_LEVELS, type LogLevel } from './log-level.ts';
export type {
  PromptDefinition,
  ResourceDefinition,
  ResourceTemplateDefinition,
  ServerAccess,
  ServerPromises,
  ServerDefinition,
  ToolDefinition,
} from './definition.ts';
export {
  type Body,
  type Envelope,
  isId,
  isObject,
  MAX_BATCH,
  MAX_DEPTH,
  readBody,
  readMessage,
  shallowerThan,
} from './envelope.ts';
export { type Era, eraOf, META, namesStateless } from './eras.ts';
export { ERRORS, type ErrorName } from './error-table.ts';
export {
  checkStateless,
  decodeHeader,
  encodeHeader,
  type HeaderRefusal,
  mirrorHeaders,
  type StandardHeaders,
} from './headers.ts';
export type { RpcError, RpcId, RpcMessage, RpcNotification, RpcRequest, RpcResponse } from './message.ts';
export { type MessageText, readMessageText } from './message-text.ts';
export { argumentHeaders, checkMirrored, type MirroredArgument, mirroredArguments } from './mirrored-arguments.ts';
export { elicitationsRequired, sessionQuestion, statelessQuestion } from './question-translation.ts';
export { type ErrorDetail, errorText, notificationText, resultText } from './respond.ts';
export {
  isTraceparent,
  isTracestate,
  parseTraceparent,
  type TraceContext,
  traceparentOf,
  untracedParent,
} from './trace-context.ts';
export { type Caller, sessionParams, sessionResult, statelessParams, statelessResult } from './translation.ts';
export {
  allowsBatches,
  isSessionVersion,
  negotiate,
  SESSION_VERSIONS,
  type SessionVersion,
  STATELESS_VERSION,
  SUPPORTED_VERSIONS,
} from './versions.ts';
