import { type AuditRecord, EMPTY_RECORD } from '../../src/audit/index.ts';
import { parseInvite } from '../../src/constitution/index.ts';
import { readJws, VillageError } from '../../src/kernel/index.ts';
import type { AdminHandlers, Answers, VerbInput, VerbName, VerbOptions } from '../admin/index.ts';
import type { AuditLog } from '../audit/index.ts';

type Log = Pick<AuditLog, 'failure' | 'recordDurably'>;
type Facts = Partial<Pick<AuditRecord, 'agentId' | 'level' | 'tokenId' | 'target' | 'reason'>>;
type FactsOf<Verb extends VerbName> = (input: VerbInput<Verb>, answer: Answers[Verb] | undefined) => Facts;

/** The verbs that change something, and what of them goes on record: names and ids, never a key, a token or an invite. */
const ACTS: { readonly [Verb in VerbName]?: FactsOf<Verb> } = {
  token: ({ agent = '', level = '' }, answer) => ({ agentId: agent, level, tokenId: answer?.token_id ?? '' }),
  'agents.add': ({ name, level }, answer) => ({ target: answer?.name ?? name, level }),
  'agents.key.new': ({ name }) => ({ target: name }),
  'agents.key.export': ({ name }, answer) => ({ target: name, reason: answer?.moved === true ? 'moved' : '' }),
  'agents.key.import': (_input, answer) => ({ target: answer?.name ?? '' }),
  'revoke.token': (input, answer) => {
    const tokenId = answer?.token_id ?? ('token_id' in input ? input.token_id : '');
    return { target: tokenId, tokenId };
  },
  'revoke.agent': ({ name }, answer) => ({ target: answer?.agent ?? name }),
  invite: ({ level }, answer) => ({ level, target: answer === undefined ? '' : ticketIn(answer.invite) }),
  'tools.approve': ({ name }, answer) => ({ target: name, reason: answer?.hashes.join(' ') ?? '' }),
  'servers.drain': ({ alias, undrain }) => ({ target: alias, reason: undrain ? 'undrain' : 'drain' }),
  'fog.drain': ({ undrain }) => ({ target: undrain ? 'undrain' : 'drain' }),
  'fog.publish': (_input, answer) => ({ target: answer?.artifact ?? '' }),
  'fog.gc': (_input, answer) => ({ target: `${answer?.removed.length ?? 0} modules` }),
  'gov.resume': ({ voter }) => ({ target: voter }),
  'gov.hand_in': ({ statements }) => ({ target: `${statements.length} statements` }),
  join: (_input, answer) => ({ target: answer?.village_id ?? '' }),
};

/** Who was not let do it; any other error is a failure. */
const DENIALS: ReadonlySet<string> = new Set([
  'MAY_NOT_SPEAK',
  'MAY_NOT_INVITE',
  'LEVEL_TOO_HIGH',
  'NOT_OURS',
  'OTHER_NODES_TOKEN',
]);

/**
 * The same verbs, each act of which is put on record before it is answered, whatever comes of it. While the log cannot be written
 * nothing is done. `log` is asked for only when something is. `defaultAgent`: whom `token` is for that names nobody.
 */
export function onRecord<Handlers extends Partial<AdminHandlers>>(
  handlers: Handlers,
  options: { readonly log: () => Promise<Log> | Log; readonly defaultAgent: () => string },
): Handlers {
  const recorded = Object.keys(ACTS).flatMap((verb) => {
    const handler = handlers[verb as VerbName] as Act | undefined;
    const facts = ACTS[verb as VerbName] as (input: object, answer: object | undefined) => Facts;
    return handler === undefined ? [] : [[verb, recording(verb, { ...options, handler, facts })] as const];
  });
  return { ...handlers, ...Object.fromEntries(recorded) };
}

type Act = (input: object, options: VerbOptions) => Promise<object>;

function recording(
  method: string,
  act: {
    readonly handler: Act;
    readonly facts: (input: object, answer: object | undefined) => Facts;
    readonly log: () => Promise<Log> | Log;
    readonly defaultAgent: () => string;
  },
): Act {
  return async (input, options) => {
    const log = await act.log();
    if (log.failure !== undefined) throw log.failure;
    const facts = (answer?: object) => {
      const known = act.facts(input, answer);
      return known.agentId === '' ? { ...known, agentId: act.defaultAgent() } : known;
    };
    const record = (more: Partial<AuditRecord>) =>
      // What was done cannot be undone: a disk that fails now has said so itself, and keeps the entry for later.
      log.recordDurably({ ...EMPTY_RECORD, method, ...more }).catch(() => undefined);
    try {
      const answer = await act.handler(input, options);
      await record(facts(answer));
      return answer;
    } catch (error) {
      const reason = error instanceof VillageError ? error.code : 'INTERNAL';
      await record({ ...facts(), outcome: DENIALS.has(reason) ? 'denied' : 'failed', reason });
      throw error;
    }
  };
}

/** The id by which the admissions that an invite leads to are on record. */
function ticketIn(invite: string): string {
  const read = parseInvite(invite, 0);
  const ticket = read.kind === 'invite' ? readJws(read.invite.ticket, invite.length) : 'none';
  const jti = typeof ticket === 'string' ? undefined : (ticket.payload as { jti?: unknown }).jti;
  return typeof jti === 'string' ? jti : '';
}
