import { redactedContent } from '../../src/audit/index.ts';
import type { PolicyView } from '../../src/constitution/index.ts';
import { text } from '../../src/kernel/index.ts';
import type { BackendReply } from '../backends/backend.ts';
import type { Job } from './job.ts';

const MAX_TOOLS = 4_096;
const MAX_RESULT_BYTES = 256 * 1024;

/**
 * What of a call is put on record besides hashes: nothing, unless the policy wants its content (`permissions.tools.TOOL.audit_content`,
 * for a third party's tool `ALIAS__TOOL`). Asked for every call, so what a policy says of a tool is looked up once.
 */
export class AuditedContent {
  readonly #policy: () => PolicyView;
  #known: { readonly of: PolicyView; readonly tools: Map<string, boolean> } | undefined;

  constructor(policy: () => PolicyView) {
    this.#policy = policy;
  }

  /** JSON text with secrets taken out; undefined: hashes are all there is to be. */
  of(job: Job, reply: BackendReply): string | undefined {
    if (job.request.method !== 'tools/call' || !this.#isWanted(job)) return undefined;
    return redactedContent({ arguments: job.request.params?.['arguments'], result: resultOf(reply) });
  }

  #isWanted({ permission, server, target }: Job): boolean {
    const policy = this.#policy();
    if (this.#known?.of !== policy || this.#known.tools.size >= MAX_TOOLS)
      this.#known = { of: policy, tools: new Map() };
    const { tools } = this.#known;
    const key = `${server}\n${target}`;
    const known = tools.get(key);
    if (known !== undefined) return known;
    const names = [target, `${server}__${target}`];
    // A tool that nobody may call is not looked up: its name may be its caller's invention.
    const wanted =
      permission !== undefined &&
      names.some((name) => policy.value(`permissions.tools.${name}.audit_content`) === true);
    tools.set(key, wanted);
    return wanted;
  }
}

function resultOf({ body }: BackendReply): unknown {
  if (body.length === 0) return undefined;
  if (body.length > MAX_RESULT_BYTES) return `${body.length} bytes`;
  try {
    const { result, error } = JSON.parse(text(body)) as { result?: unknown; error?: unknown };
    return result ?? error;
  } catch {
    return undefined;
  }
}
