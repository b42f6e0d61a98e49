import type { PromptDefinition, ResourceDefinition, ResourceTemplateDefinition, ToolDefinition } from '../mcp/index.ts';
import type { AwayServer } from './descriptor.ts';
import { exposedName, freeName } from './names.ts';
import { isPlainName } from './roles.ts';
import { groupServices, type Offer, type Replica, type Service } from './service.ts';
import { matchTemplate } from './uri-template.ts';

/** A tool, prompt, resource or template together with who serves it. */
export interface Entry<Definition> {
  /** The name or URI under which this view offers it. */
  readonly exposedName: string;
  /** Its name or URI on its own server: what the matrix knows and what the server is asked for. */
  readonly ownName: string;
  /** As listed to agents: the server's definition under the exposed name. */
  readonly definition: Definition;
  readonly service: Service;
}
export type ToolEntry = Entry<ToolDefinition>;
export type PromptEntry = Entry<PromptDefinition>;
export type ResourceEntry = Entry<ResourceDefinition>;
export type TemplateEntry = Entry<ResourceTemplateDefinition>;

/** What one address of the gateway offers: the whole village, or one server. Names are unique within a view. */
export interface View {
  readonly tools: ReadonlyMap<string, ToolEntry>;
  readonly prompts: ReadonlyMap<string, PromptEntry>;
  readonly resources: ReadonlyMap<string, ResourceEntry>;
  readonly templates: ReadonlyMap<string, TemplateEntry>;
  /** The one server of `/mcp/SERVER`; undefined for the whole village. */
  readonly service: Service | undefined;
}

/** Everything that can be called in the village as this node knows it. Immutable: a change makes a new one with a higher version. */
export interface Catalogue {
  readonly version: number;
  readonly services: readonly Service[];
  readonly village: View;
  /** By label, as in `/mcp/LABEL`. */
  readonly views: ReadonlyMap<string, View>;
  /** The other nodes that are believed now, and of each what it says that it is to serve and does not. */
  readonly away: ReadonlyMap<string, readonly AwayServer[]>;
}

/** Builds the catalogue of `offers`. The same set in any order gives the same names on every node. */
export function buildCatalogue(
  offers: readonly Offer[],
  version: number,
  { away = new Map() }: Partial<Pick<Catalogue, 'away'>> = {},
): Catalogue {
  const services = groupServices(offers);
  return {
    version,
    services,
    village: villageView(services),
    views: new Map(services.map((service) => [service.label, serverView(service)])),
    away,
  };
}

/** Who serves `uri` in `view`: its listed owner, else the server of the closest template. Undefined: nobody says so. */
export function resourceOwner(view: View, uri: string): Service | undefined {
  const listed = view.resources.get(uri);
  if (listed !== undefined) return listed.service;
  let best: { readonly service: Service; readonly matched: number } | undefined;
  for (const [template, entry] of view.templates) {
    const matched = matchTemplate(template, uri);
    if (matched !== undefined && matched > (best?.matched ?? -1)) best = { service: entry.service, matched };
  }
  return best?.service ?? view.service;
}

/** The replica of `service` on `nodeId`, whatever its version. */
export function replicaOn(service: Service, nodeId: string): Replica | undefined {
  const there = (replica: Replica) => replica.nodeId === nodeId;
  return service.replicas.find(there) ?? service.otherVersions.find(there);
}

function villageView(services: readonly Service[]): View {
  const tools = new Map<string, ToolEntry>();
  const prompts = new Map<string, PromptEntry>();
  const resources = new Map<string, ResourceEntry>();
  const templates = new Map<string, TemplateEntry>();
  for (const service of services) {
    for (const tool of service.definition.tools) addNamed(tools, service, tool);
    for (const prompt of service.definition.prompts) addNamed(prompts, service, prompt);
    for (const resource of service.definition.resources) addByUri(resources, service, resource.uri, resource);
    for (const template of service.definition.resourceTemplates)
      addByUri(templates, service, template.uriTemplate, template);
  }
  return { tools, prompts, resources, templates, service: undefined };
}

function serverView(service: Service): View {
  const { tools, prompts, resources, resourceTemplates } = service.definition;
  return {
    tools: byName(service, tools, (tool) => tool.name),
    prompts: byName(service, prompts, (prompt) => prompt.name),
    resources: byName(service, resources, (resource) => resource.uri),
    templates: byName(service, resourceTemplates, (template) => template.uriTemplate),
    service,
  };
}

function byName<Definition>(
  service: Service,
  definitions: readonly Definition[],
  nameOf: (definition: Definition) => string,
) {
  const entries = new Map<string, Entry<Definition>>();
  for (const definition of definitions) addByUri(entries, service, nameOf(definition), definition);
  return entries;
}

function addNamed<Definition extends { readonly name: string }>(
  entries: Map<string, Entry<Definition>>,
  service: Service,
  definition: Definition,
): void {
  const { name } = definition;
  const plain = service.kind === 'role' && isPlainName(name) && !entries.has(name);
  const wanted = exposedName(plain ? undefined : service.label, name);
  const exposed = freeName(entries, wanted, `${service.alias}\n${service.definitionHash}\n${name}`);
  entries.set(exposed, { exposedName: exposed, ownName: name, definition: { ...definition, name: exposed }, service });
}

/** Services come oldest first, so the first owner of a URI keeps it; the others are reached through their own view. */
function addByUri<Definition>(
  entries: Map<string, Entry<Definition>>,
  service: Service,
  uri: string,
  definition: Definition,
): void {
  if (entries.has(uri)) return;
  entries.set(uri, { exposedName: uri, ownName: uri, definition, service });
}
