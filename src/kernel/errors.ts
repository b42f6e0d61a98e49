/** What went wrong with something we relied on. `code` is closed per area and is what callers read; never the message. */
export class VillageError<Code extends string = string> extends Error {
  readonly code: Code;
  /** What the person or agent can do about it; one sentence. */
  readonly hint: string | undefined;

  constructor(code: Code, message: string, options: { cause?: unknown; hint?: string } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = options.hint;
  }
}
