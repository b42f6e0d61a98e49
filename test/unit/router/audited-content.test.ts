import { describe, expect, test } from 'vitest';
import type { BackendReply } from '../../../node/backends/backend.ts';
import { AuditedContent } from '../../../node/router/audited-content.ts';
import type { Job } from '../../../node/router/job.ts';
import { Policy } from '../../../src/constitution/index.ts';
import { utf8 } from '../../../src/kernel/index.ts';
import { constitution, genesis } from '../../support/small-village.ts';

const args = { query: 'q', password: 'hunter2' };
const reply: BackendReply = { body: utf8('{"jsonrpc":"2.0","id":1,"result":{"found":1}}'), outcome: 'ok', reason: '' };
const job = (target: string, server = 'hyperrag', method = 'tools/call'): Job =>
  ({
    request: { jsonrpc: '2.0', id: 1, method, params: { name: target, arguments: args } },
    permission: { level: 'OPERATOR', auditRequired: false },
    server,
    target,
  }) as unknown as Job;
const keeping = (tool: string) =>
  new Policy(constitution, new Map([[`permissions.tools.${tool}.audit_content`, { value: true, version: 1 }]]));

describe('what is put on record of a call', () => {
  test('is nothing of its content by default', () => {
    expect(new AuditedContent(() => genesis).of(job('work'), reply)).toBeUndefined();
  });

  test('is its arguments and its result without secrets where the policy says so, and of no other tool', () => {
    const content = new AuditedContent(() => keeping('work'));
    expect(JSON.parse(content.of(job('work'), reply) ?? '')).toEqual({
      arguments: { query: 'q', password: '[secret]' },
      result: { found: 1 },
    });
    expect(content.of(job('look'), reply)).toBeUndefined();
    expect(content.of(job('work', 'hyperrag', 'prompts/get'), reply)).toBeUndefined();
  });

  test('names a tool of a third party with its server', () => {
    const content = new AuditedContent(() => keeping('files__read'));
    expect(content.of(job('read', 'files'), reply)).toBeDefined();
    expect(content.of(job('read', 'other'), reply)).toBeUndefined();
  });

  test('follows a new policy at once', () => {
    let policy: Policy = genesis;
    const content = new AuditedContent(() => policy);
    expect(content.of(job('work'), reply)).toBeUndefined();
    policy = keeping('work');
    expect(content.of(job('work'), reply)).toBeDefined();
  });

  test('is the size of a result that is large', () => {
    const large = { ...reply, body: utf8(`{"result":"${'x'.repeat(300_000)}"}`) };
    expect(new AuditedContent(() => keeping('work')).of(job('work'), large)).toContain('"result":"300013 bytes"');
  });
});
