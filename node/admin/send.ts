import type { ServerResponse } from 'node:http';

export interface ErrorBody {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

export function sendText(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

export function sendJson(response: ServerResponse, status: number, body: object): void {
  sendText(response, status, 'application/json', `${JSON.stringify(body)}\n`);
}

export function sendError(response: ServerResponse, status: number, error: ErrorBody): void {
  sendJson(response, status, { error });
}
