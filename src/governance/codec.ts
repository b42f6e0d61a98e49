import { idOfInput, openStrict, strictInput } from './strict-jws.ts';
import { MAX_STATEMENT_BYTES, Payload, STATEMENT_TYP, type Statement } from './statement.ts';
import type { StatementRefusal } from './views.ts';

export type OpenedStatement =
  | { readonly kind: 'opened'; readonly statement: Statement }
  | { readonly kind: 'unknown-key'; readonly id: string }
  | { readonly kind: 'refused'; readonly because: StatementRefusal };

export interface OpenStatementOptions {
  /** The village's id. */
  readonly net: string;
  /** The raw voter key with this thumbprint, of any epoch. */
  readonly keyOf: (kid: string) => string | undefined;
  /** The id under which this token was kept after its signature had been checked. */
  readonly checkedId?: string | undefined;
}

/** Checks form and signature of a statement. Never throws. */
export function openStatement(token: string, options: OpenStatementOptions): OpenedStatement {
  const { keyOf, checkedId } = options;
  const opened = openStrict(token, { typ: STATEMENT_TYP, maxBytes: MAX_STATEMENT_BYTES, keyOf, checkedId });
  if (opened.kind === 'refused') {
    const { because, id } = opened;
    if (because === 'unknown-key') return { kind: 'unknown-key', id: id ?? '' };
    return { kind: 'refused', because };
  }
  const read = Payload.safeParse(opened.payload);
  if (!read.success) return { kind: 'refused', because: 'malformed' };
  if (read.data.net !== options.net) return { kind: 'refused', because: 'foreign-village' };
  return { kind: 'opened', statement: { id: opened.id, token, kid: opened.kid, payload: read.data } };
}

/** What a voter signs to make `payload` a statement: append `.` and the base64url of the signature. Throws when the payload is not one. */
export function statementInput(key: string, payload: Payload): { readonly input: string; readonly id: string } {
  const input = strictInput(STATEMENT_TYP, key, Payload.parse(payload));
  return { input, id: idOfInput(input) };
}
