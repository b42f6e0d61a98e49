import type { ServedCall } from '../../protocols/mcp/index.ts';
import { after } from '../../src/kernel/index.ts';
import type { ServerDefinition } from '../../src/mcp/index.ts';
import { type Permission, spelledScope } from '../../src/permissions/index.ts';
import { scopeOfRequest, type Service } from '../../src/routing/index.ts';
import type { Awaitable, BackendReply, HostedServer } from '../backends/backend.ts';
import { failure } from '../backends/reply.ts';
import type { CallTracing } from './call-tracing.ts';
import { beginsAnew, drained } from './draining.ts';
import type { Job } from './job.ts';
import type { Leases } from './leases.ts';
import type { RouterParts } from './parts.ts';
import type { Pipeline } from './pipeline.ts';
import type { Recorder } from './recorder.ts';
import { permissionOf } from './resolve.ts';
import { TracedContext } from './traced-context.ts';
import { asksForTask, isAboutTask, ofTask, ServedTasks } from './tasks.ts';

interface ServingParts {
  readonly parts: Pick<RouterParts, 'hosting' | 'policy' | 'clock'>;
  readonly pipeline: Pipeline;
  readonly recorder: Recorder;
  readonly leases: Leases;
  readonly tracing: CallTracing | undefined;
}

const UNTRACED = { span: undefined, traceparent: undefined };

/** Calls that peers' nodes ask for. Their delegation and arguments hash are checked; everything else is checked here again. */
export class Serving {
  readonly #made: ServingParts;
  readonly #tasks: ServedTasks;

  constructor(made: ServingParts) {
    this.#made = made;
    this.#tasks = new ServedTasks(made.parts.clock.now);
  }

  serve(call: ServedCall): Awaitable<BackendReply> {
    const { peer, server, target, request, argumentsHash } = call;
    const { parts, pipeline, recorder, tracing } = this.#made;
    const began = parts.clock.now();
    const { span, traceparent } = tracing?.begin(call.context) ?? UNTRACED;
    const context = traceparent === undefined ? call.context : new TracedContext(call.context, traceparent);
    const hosted = parts.hosting.get(server);
    const definition = hosted?.share === 'mesh' ? hosted.definition() : undefined;
    const about = isAboutTask(request.method);
    const tool = about ? this.#tasks.toolOf(request, context.principal, server) : undefined;
    const permission = definition && this.#permission(definition, { method: request.method, target, tool });
    const scope = scopeOfRequest({ kind: kindOf(definition), alias: server }, request, tool);
    const called = spelledScope(scope.name === '*' ? { ...scope, name: target } : scope);
    const job: Job = {
      side: 'serve',
      request,
      context,
      server,
      service: definition && { kind: kindOf(definition), definition, definitionHash: '' },
      target,
      permission,
      scope,
      called,
      peer,
      sourceIp: '',
      argumentsHash,
      began,
      span,
      standing: undefined,
      refused: undefined,
    };
    if (hosted === undefined || definition === undefined) {
      const problem = { name: 'NO_HEALTHY_SERVER', message: `this node serves no ${server}` } as const;
      return recorder.ended(job, failure(request.id, problem, { notStarted: true }));
    }
    if (parts.hosting.isDraining?.(server) === true && beginsAnew(request))
      return recorder.ended(job, drained(request));
    const unknown = about && tool === undefined;
    return pipeline.perform(job, () => (unknown ? noTask(call) : this.#reach(hosted, job)));
  }

  #permission(
    { access }: ServerDefinition,
    { method, target, tool }: { readonly method: string; readonly target: string; readonly tool: string | undefined },
  ): Permission | undefined {
    const service = { kind: kindOf({ access }), access };
    const policy = this.#made.parts.policy();
    if (tool === undefined) return permissionOf(policy, service, method, target);
    return ofTask(permissionOf(policy, service, 'tools/call', tool));
  }

  #reach(server: HostedServer, job: Job): Awaitable<BackendReply> {
    const leg = this.#made.tracing?.legTo(server, job);
    if (leg === undefined) return this.#serveAt(server, job);
    return after(this.#serveAt(server, { ...job, context: leg.context }), leg.ended);
  }

  #serveAt(
    server: HostedServer,
    { peer, request, context }: Pick<Job, 'peer' | 'request' | 'context'>,
  ): Awaitable<BackendReply> {
    const { leases } = this.#made;
    switch (request.method) {
      case 'resources/subscribe':
        return leases.subscribe({ peer, server, request, context });
      case 'resources/unsubscribe':
        return leases.unsubscribe({ peer, server, request, context });
    }
    const reply = server.request(request, context);
    return asksForTask(request) ? this.#task(server.alias, { request, context }, reply) : reply;
  }

  async #task(
    alias: string,
    { request, context }: Pick<ServedCall, 'request' | 'context'>,
    asked: Awaitable<BackendReply>,
  ): Promise<BackendReply> {
    const reply = await asked;
    this.#tasks.learn(request, context.principal, { alias, reply });
    return reply;
  }
}

/** Only a role's servers have their access in the matrix. */
function kindOf(definition: Pick<ServerDefinition, 'access'> | undefined): Service['kind'] {
  return definition !== undefined && definition.access === undefined ? 'role' : 'third_party';
}

function noTask({ request }: ServedCall): BackendReply {
  return failure(request.id, { name: 'INVALID_PARAMS', message: 'Task not found' });
}
