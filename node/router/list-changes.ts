import type { Catalogue, Entry } from '../../src/routing/index.ts';
import type { Hides } from './lists.ts';

type What = 'tools' | 'resources' | 'prompts';

/** Tells open sessions which of their lists changed, and only when one really did. */
export class ListChanges {
  readonly #listeners = new Set<(what: What) => void>();
  #seen: Readonly<Record<What, string>> = { tools: '', resources: '', prompts: '' };

  listen(listener: (what: What) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  compare({ village }: Catalogue, hides: Hides): void {
    const now: Record<What, string> = {
      tools: contentOf(village.tools, (entry) => hides(entry, 'tool')),
      resources: [
        contentOf(village.resources, (entry) => hides(entry, 'resource')),
        contentOf(village.templates, (entry) => hides(entry, 'template')),
      ].join('\n'),
      prompts: contentOf(village.prompts, (entry) => hides(entry, 'prompt')),
    };
    const before = this.#seen;
    this.#seen = now;
    for (const what of ['tools', 'resources', 'prompts'] as const) {
      if (now[what] !== before[what]) for (const listener of this.#listeners) listener(what);
    }
  }
}

function contentOf(
  entries: ReadonlyMap<string, Entry<unknown>>,
  isLeftOut: (entry: Entry<unknown>) => boolean,
): string {
  const shown = [...entries].filter(([, entry]) => !isLeftOut(entry));
  return shown.map(([name, { service }]) => `${name} ${service.definitionHash}`).join('\n');
}
