import { z } from 'zod';
import { sha256Hex } from '../../../src/kernel/index.ts';
import { refusal, result, type Role, type RoleTool, roleTool } from '../../backends/role.ts';
import { DocumentIndex, type Document } from './document-index.ts';
import { embed, EMBEDDING_MODEL } from './embedding.ts';
import { MAX_SENTENCES, summarise } from './summary.ts';

const MAX_TEXT = 64 * 1024;
const MAX_DOCUMENTS = 1_000;
const READS = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };

const Documents = z
  .array(z.strictObject({ id: z.string().min(1).max(128), text: z.string().max(MAX_TEXT) }))
  .max(MAX_DOCUMENTS);

/** What a deployment may hand to its agents; members beside these are other programs' and not read. */
export const AgentInput = z.object({
  agent_type: z.string().max(64).default('agent'),
  documents: Documents.default([]),
});

export interface AgentSituation {
  readonly input: z.output<typeof AgentInput>;
  /** As the shard was told; null: it does not run as a shard. */
  readonly slot: string | null;
  readonly epoch: number | null;
}

/** The work that a shard does out of the box: hashing, lexical embedding, extractive summaries, search in the documents it was given. */
export function agentRole(situation: AgentSituation): Role {
  const { agent_type: agentType, documents } = situation.input;
  return {
    name: 'agent',
    title: `Shard of ${agentType}`,
    version: '1.0.0',
    instructions:
      'Hashes, embeds and summarises what it is given, and searches the documents of its deployment. Lexical methods: no language model runs here.',
    tools: [hashTool, embedTool, summariseTool, queryTool(documents), statusTool(situation)],
    resources: [],
    prompts: [],
  };
}

const hashTool: RoleTool = roleTool({
  name: 'hash',
  title: 'Hash',
  description: 'SHA-256 of a text (as UTF-8) or of base64 bytes.',
  input: z.strictObject({
    text: z
      .string()
      .max(1024 * 1024)
      .optional()
      .describe('at most 1 Mi characters'),
    base64: z
      .base64()
      .max(1024 * 1024)
      .optional()
      .describe('instead of text'),
  }),
  output: z.object({ algorithm: z.literal('sha256'), digest: z.string(), bytes: z.int() }),
  annotations: READS,
  handle: ({ text, base64 }) => {
    if ((text === undefined) === (base64 === undefined)) {
      return refusal({ code: 'INVALID_ARGUMENTS', message: 'give either text or base64', retryable: false });
    }
    const bytes = text === undefined ? Buffer.from(base64 ?? '', 'base64') : Buffer.from(text, 'utf8');
    return result({ algorithm: 'sha256', digest: sha256Hex(bytes), bytes: bytes.length });
  },
});

const embedTool: RoleTool = roleTool({
  name: 'embed',
  title: 'Embed',
  description:
    'Vectors of length 1 by hashing words, pairs of words and letter trigrams: near where spellings are shared. Lexical, not a neural model. Deterministic.',
  input: z.strictObject({
    texts: z.array(z.string().max(MAX_TEXT)).min(1).max(64),
    dimensions: z.int().min(64).max(1024).default(256),
  }),
  output: z.object({ model: z.string(), dimensions: z.int(), vectors: z.array(z.array(z.number())) }),
  annotations: READS,
  handle: ({ texts, dimensions }) =>
    result({ model: EMBEDDING_MODEL, dimensions, vectors: texts.map((text) => embed(text, dimensions)) }),
});

const summariseTool: RoleTool = roleTool({
  name: 'summarise',
  title: 'Summarise',
  description:
    'The most representative sentences of a text, in its order (TextRank). Extractive: nothing is rephrased.',
  input: z.strictObject({ text: z.string().max(MAX_TEXT), sentences: z.int().min(1).max(20).default(3) }),
  output: z.object({
    summary: z.string(),
    sentences: z.array(z.object({ index: z.int(), text: z.string(), score: z.number() })),
  }),
  annotations: READS,
  handle: ({ text, sentences: count }) => {
    const sentences = summarise(text, count);
    if (sentences === undefined) {
      const message = `the text has over ${MAX_SENTENCES} sentences: summarise it in parts`;
      return refusal({ code: 'TOO_LARGE', message, retryable: false });
    }
    return result({ summary: sentences.map((sentence) => sentence.text).join(' '), sentences });
  },
});

function queryTool(own: readonly Document[]): RoleTool {
  const index = new DocumentIndex(own);
  return roleTool({
    name: 'query',
    title: 'Query documents',
    description:
      'The documents that share most with the question (BM25): those given here, or else those of the deployment.',
    input: z.strictObject({
      question: z.string().min(1).max(4_096),
      documents: Documents.max(64).optional(),
      limit: z.int().min(1).max(50).default(5),
    }),
    output: z.object({
      searched: z.int(),
      matches: z.array(z.object({ id: z.string(), score: z.number(), excerpt: z.string() })),
    }),
    annotations: READS,
    handle: ({ question, documents, limit }) => {
      const searched = documents === undefined ? index : new DocumentIndex(documents);
      return result({ searched: searched.size, matches: searched.query(question, limit) });
    },
  });
}

function statusTool({ input, slot, epoch }: AgentSituation): RoleTool {
  return roleTool({
    name: 'shard_status',
    title: 'Shard status',
    description: 'Which slot of which deployment answers, under which epoch, and how many documents it was given.',
    input: z.strictObject({}),
    output: z.object({
      agent_type: z.string(),
      slot: z.string().nullable(),
      epoch: z.int().nullable(),
      documents: z.int(),
    }),
    annotations: READS,
    handle: () => result({ agent_type: input.agent_type, slot, epoch, documents: input.documents.length }),
  });
}
