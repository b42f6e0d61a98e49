/** Of a `node:http` ServerResponse what the gateway uses, so that another can stand in for it. */
export interface HttpResponse {
  readonly destroyed: boolean;
  readonly headersSent: boolean;
  readonly writableEnded: boolean;
  /** Bytes that wait for the client to read. */
  readonly writableLength: number;
  /** Names and values, alternating. */
  writeHead(status: number, headers: string[]): unknown;
  flushHeaders(): void;
  write(chunk: Uint8Array | string): unknown;
  end(chunk?: Uint8Array | string): unknown;
  destroy(): unknown;
  /** Heard once, whoever ended it. */
  once(event: 'close', listener: () => void): unknown;
}
