let second = 0;
let line = '';

/** The Date header of this second. */
export function dateLine(): string {
  const now = Math.floor(Date.now() / 1000);
  if (now !== second) {
    second = now;
    line = `Date: ${new Date(now * 1000).toUTCString()}\r\n`;
  }
  return line;
}

interface JsonHead {
  readonly length: number;
  readonly date: string;
  readonly connection: string;
  readonly text: string;
  readonly bytes: Uint8Array;
}

const MAX_HEADS = 256;
const heads: (JsonHead | undefined)[] = Array.from({ length: MAX_HEADS }, () => undefined);

/**
 * The head of a reply of `length` bytes of JSON, with these lines about the connection. It is kept for the next of that length in the same
 * second: replies to the same tool differ little, and to spell one costs more than to copy it.
 */
export function jsonHead(length: number, connection: string): Pick<JsonHead, 'text' | 'bytes'> {
  const date = dateLine();
  const at = length % MAX_HEADS;
  const known = heads[at];
  if (known?.length === length && known.date === date && known.connection === connection) return known;
  const text = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n${date}${connection}\r\n`;
  const head = { length, date, connection, text, bytes: Buffer.from(text, 'latin1') };
  heads[at] = head;
  return head;
}
