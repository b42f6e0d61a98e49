import { CLIENT_ABILITIES, type ClientQuestion } from '../../src/mcp/index.ts';
import type { CallOptions } from './hosting.ts';

export const promptOf = ({ params }: ClientQuestion): string =>
  (params as { messages: { content: { text: string } }[] }).messages[0]?.content.text ?? '';

/** An agent whose client remembers every prompt that it was shown and answers with its own name. */
export function promptedAgent(agent: string): CallOptions & { readonly shown: string[] } {
  const shown: string[] = [];
  return {
    agent,
    shown,
    client: new Set(CLIENT_ABILITIES),
    answers: (question) => {
      shown.push(promptOf(question));
      return { result: { by: agent } };
    },
  };
}
