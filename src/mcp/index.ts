export type {
  PromptDefinition,
  ResourceDefinition,
  ResourceTemplateDefinition,
  ServerAccess,
  ServerDefinition,
  ToolDefinition,
} from './definition.ts';
export { ERRORS, type ErrorName } from './error-table.ts';
export type { RpcError, RpcId, RpcMessage, RpcNotification, RpcRequest, RpcResponse } from './message.ts';
