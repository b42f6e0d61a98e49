/**
 * Every JSON-RPC error the village itself answers with. -32020 … -32099 belong to the MCP specification; ours stay in -32001 … -32019.
 * `http` is the status when the call came as the only message of a POST.
 */
export const ERRORS = {
  PARSE_ERROR: { code: -32700, http: 400 },
  INVALID_REQUEST: { code: -32600, http: 400 },
  METHOD_NOT_FOUND: { code: -32601, http: 200 },
  INVALID_PARAMS: { code: -32602, http: 200 },
  INTERNAL_ERROR: { code: -32603, http: 200 },
  UNAUTHENTICATED: { code: -32001, http: 401 },
  RESOURCE_NOT_FOUND: { code: -32002, http: 200 },
  PERMISSION_DENIED: { code: -32003, http: 200 },
  RATE_LIMITED: { code: -32004, http: 429 },
  BLOCKED: { code: -32005, http: 200 },
  NO_HEALTHY_SERVER: { code: -32006, http: 200 },
  OUTCOME_UNKNOWN: { code: -32007, http: 200 },
  TOO_LARGE: { code: -32008, http: 413 },
  DEADLINE_EXCEEDED: { code: -32009, http: 200 },
  QUARANTINED: { code: -32010, http: 200 },
  NODE_UNREACHABLE: { code: -32011, http: 200 },
  HEADER_MISMATCH: { code: -32020, http: 400 },
  MISSING_CAPABILITY: { code: -32021, http: 400 },
  UNSUPPORTED_VERSION: { code: -32022, http: 400 },
} as const;
export type ErrorName = keyof typeof ERRORS;
