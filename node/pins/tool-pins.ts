import { z } from 'zod';
import { hashDefinition, type Service } from '../../src/routing/index.ts';
import type { PolicyView } from '../../src/constitution/index.ts';
import type { Store } from '../storage/index.ts';
import type { Reporter } from '../telemetry/events.ts';

const MAX_SERVERS = 4_096;
const Tools = z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/));

/** A third party's tool that is described otherwise than when it was first seen, or last approved. Hashes are SHA-256 of its definition. */
export interface ChangedTool {
  readonly nodeId: string;
  /** The server's name on that node. */
  readonly server: string;
  readonly tool: string;
  readonly was: string;
  readonly is: string;
  readonly definitionHash: string;
}

interface Parts {
  readonly store: Store;
  readonly nodeId: string;
  readonly policy: () => Pick<PolicyView, 'value'>;
  readonly reporter: Reporter;
}

type Pinned = Map<string, Map<string, string>>;

/**
 * Keeps how each tool of each third-party server was described at first sight, through restarts, and says which are described otherwise now.
 * `tools.approved` (hashes) of the policy and `approve` make the new description the one that is kept.
 */
export class ToolPins {
  readonly #parts: Parts;
  readonly #pinned: Pinned;
  readonly #looked = new Map<string, string>();
  /** By node and server; then by tool. */
  readonly #changed = new Map<string, ReadonlyMap<string, ChangedTool>>();
  #saving: Promise<void> = Promise.resolve();

  private constructor(parts: Parts, pinned: Pinned) {
    this.#parts = parts;
    this.#pinned = pinned;
  }

  static async open(parts: Parts): Promise<ToolPins> {
    const pinned: Pinned = new Map();
    for await (const [key, value] of parts.store.entries({ limit: MAX_SERVERS })) {
      const tools = Tools.safeParse(JSON.parse(Buffer.from(value).toString('utf8')));
      if (tools.success) pinned.set(key, new Map(Object.entries(tools.data)));
    }
    return new ToolPins(parts, pinned);
  }

  /** Every tool that is not as it was. */
  changed(): readonly ChangedTool[] {
    return [...this.#changed.values()].flatMap((tools) => [...tools.values()]);
  }

  /** What is known against the tool of a server, whose definition has this hash; an empty hash: of the server that this node hosts. */
  changeOf(server: string, tool: string, definitionHash: string): ChangedTool | undefined {
    if (this.#changed.size === 0) return undefined;
    const { nodeId } = this.#parts;
    return this.changed().find(
      (one) =>
        one.server === server &&
        one.tool === tool &&
        (definitionHash === '' ? one.nodeId === nodeId : one.definitionHash === definitionHash),
    );
  }

  /** Looks at what is offered now; cheap for what it has looked at before. */
  look(services: readonly Service[]): void {
    for (const service of services) {
      if (service.kind !== 'third_party') continue;
      for (const { nodeId, alias } of service.replicas) this.#lookAt(service, `${nodeId}/${alias}`, { nodeId, alias });
    }
  }

  /** The policy changed: what it approves now is kept. */
  reconsider(): void {
    const approved = this.#parts.policy().value('tools.approved');
    if (!Array.isArray(approved) || this.#changed.size === 0) return;
    for (const one of this.changed()) if (approved.includes(one.is)) this.#accept(one);
  }

  /** Keeps the present description of a tool, `ALIAS__TOOL`, at every node; answers what was approved, on disk. */
  async approve(name: string): Promise<readonly ChangedTool[]> {
    const meant = this.changed().filter(({ server, tool }) => `${server}__${tool}` === name);
    for (const one of meant) this.#accept(one);
    await this.#saving;
    return meant;
  }

  /** Resolves when all of it is on disk. Never rejects. */
  async close(): Promise<void> {
    await this.#saving;
  }

  #lookAt(service: Service, id: string, { nodeId, alias }: { readonly nodeId: string; readonly alias: string }): void {
    if (this.#looked.get(id) === service.definitionHash) return;
    const hashes = hashDefinition(service.definition)?.toolHashes;
    if (hashes === undefined) return;
    if (this.#looked.size >= MAX_SERVERS) this.#looked.clear();
    this.#looked.set(id, service.definitionHash);
    const pinned = this.#pinned.get(id) ?? new Map<string, string>();
    const approved = this.#parts.policy().value('tools.approved');
    const changed = new Map<string, ChangedTool>();
    let isNew = !this.#pinned.has(id);
    for (const [tool, is] of Object.entries(hashes)) {
      const was = pinned.get(tool);
      if (was === is) continue;
      if (was === undefined || (Array.isArray(approved) && approved.includes(is))) {
        pinned.set(tool, is);
        isNew = true;
      } else changed.set(tool, { nodeId, server: alias, tool, was, is, definitionHash: service.definitionHash });
    }
    if (changed.size === 0) this.#changed.delete(id);
    else this.#changed.set(id, changed);
    for (const { was, is, tool } of changed.values()) {
      this.#parts.reporter.report('tool.changed', { peer: nodeId, server: alias, tool, was, is });
    }
    if (isNew && (this.#pinned.has(id) || this.#pinned.size < MAX_SERVERS)) this.#keep(id, pinned);
  }

  #accept({ nodeId, server, tool, is }: ChangedTool): void {
    const id = `${nodeId}/${server}`;
    this.#keep(id, new Map(this.#pinned.get(id)).set(tool, is));
    const rest = new Map(this.#changed.get(id));
    rest.delete(tool);
    if (rest.size === 0) this.#changed.delete(id);
    else this.#changed.set(id, rest);
    this.#parts.reporter.report('tool.approved', { peer: nodeId, server, tool, is });
  }

  #keep(id: string, tools: Map<string, string>): void {
    this.#pinned.set(id, tools);
    const { store, reporter } = this.#parts;
    const bytes = Buffer.from(JSON.stringify(Object.fromEntries(tools)));
    this.#saving = this.#saving
      .then(() => store.put(id, bytes, { sync: true }))
      .catch((error: unknown) => reporter.report('background.failed', { area: 'pins', error }));
  }
}
