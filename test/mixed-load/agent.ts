import { randomUUID } from 'node:crypto';
import { Agent as Connections } from 'node:http';
import { initialize, JSON_TYPE, stateless } from '../support/echo-gateway.ts';
import type { Chance } from '../simulation/governance/chance.ts';
import type { Book, CallRecord } from './book.ts';
import { type Answer, exchange } from './exchange.ts';
import type { Member, MixedVillage } from './mixed-village.ts';

/** How long a call may be on its way to the look at its token. */
const LATE_MS = 1_000;
/** Longer than any call may take: who waits for more hangs. */
const HANG_MS = 30_000;
/** Who is not served within this time of a disturbance is refused for no reason. */
const EXPLAINED_MS = 5_000;
const FAULTS = ['none', 'wrong-id', 'again', 'garbage', 'empty', 'huge', 'large', 'silent', 'crash'] as const;
/** Lies after which there is no right answer. */
const UNANSWERED: readonly string[] = ['empty', 'huge', 'silent', 'crash'];
/** Errors that an agent may be told while nodes come and go. */
const HONEST = [
  'NO_HEALTHY_SERVER',
  'OUTCOME_UNKNOWN',
  'NODE_UNREACHABLE',
  'DEADLINE_EXCEEDED',
  'INVALID_PARAMS',
  'cut',
];
/** What the lies of a server's other calls may do to one. */
const BY_LIES: readonly string[] = ['NO_HEALTHY_SERVER', 'OUTCOME_UNKNOWN', 'DEADLINE_EXCEEDED'];
/** Of these the caller may believe that nothing ran. */
const NEVER_RAN = ['NO_HEALTHY_SERVER', 'NODE_UNREACHABLE', 'INVALID_PARAMS', 'UNAUTHENTICATED'];

/** Calls of which everything had been there for a while. */
export const ASKED_WELL = 'asked while all was well';

/** One agent at one node: calls, several at once, with tokens that expire under it. */
export class Agent {
  readonly agentId: string;
  readonly #name: string;
  readonly #member: Member;
  readonly #village: MixedVillage;
  readonly #book: Book;
  readonly #chance: Chance;
  readonly #isStateless: boolean;
  readonly #connections = new Connections({ keepAlive: true });
  #token: { readonly text: string; readonly expiresMs: number } | undefined;
  #session: string | undefined;
  #sessionMs = 0;
  #id = 0;

  constructor(name: string, options: { member: Member; village: MixedVillage; book: Book; chance: Chance }) {
    this.#name = name;
    this.#member = options.member;
    this.#village = options.village;
    this.#book = options.book;
    this.#chance = options.chance;
    this.#isStateless = options.chance.happens(0.5);
    this.agentId = options.member.agentId(name);
  }

  /** The session that it has now, for others to try. */
  get session(): string | undefined {
    return this.#session;
  }

  /** A burst of calls, one to three at once. */
  async burst(others: readonly Agent[]): Promise<void> {
    if (!this.#member.upSince(Date.now())) return; // nobody is there to be asked; calls under way are cut all the same
    try {
      await this.#ready();
    } catch (error) {
      if (this.#member.upSince(Date.now() - 5_000))
        this.#book.violation(`${this.agentId}: no token or session: ${String(error)}`);
      return this.#book.count('no token or session while a node was down');
    }
    const calls = Array.from({ length: this.#chance.between(1, 3) }, () => this.#call());
    if (this.#chance.happens(0.02)) calls.push(this.#mine());
    if (this.#chance.happens(0.01)) calls.push(this.#intrude(others));
    await Promise.all(calls);
  }

  async #ready(): Promise<void> {
    if (this.#token === undefined) {
      const ttlMs = this.#chance.between(5, 20) * 1000;
      this.#token = await this.#member.tokenFor(this.#name, ttlMs);
      this.#book.count('tokens made');
    }
    if (this.#isStateless || this.#session !== undefined) return;
    const askedMs = Date.now();
    const opened = await this.#post(JSON.stringify(initialize('2025-11-25')), {});
    if (opened.status === 401) {
      const hasEnded = (this.#token?.expiresMs ?? 0) < Date.now();
      this.#token = undefined;
      if (hasEnded) return this.#ready(); // with one that lives for seconds
    }
    if (opened.session === null) throw new Error(`no session: ${opened.status} ${opened.text}`);
    this.#session = opened.session;
    this.#sessionMs = askedMs;
    this.#book.count('sessions opened');
  }

  async #call(): Promise<void> {
    const alias = this.#chance.weighted({ say: 6, slow: 2, liar: 2, own: 2 });
    const nonce = randomUUID();
    const fault = alias === 'liar' ? (this.#chance.pick(FAULTS) ?? 'none') : 'none';
    // A crash takes the calls of others with it: seldom, so that most are answered.
    const chosen = fault === 'crash' && this.#chance.happens(0.8) ? 'none' : fault;
    const given = { who: this.agentId, nonce, fault: chosen };
    const call: CallRecord = {
      agentId: this.agentId,
      node: this.#member.name,
      alias,
      nonce,
      args: JSON.stringify(given),
      startMs: Date.now(),
      endMs: 0,
      end: 'open',
    };
    const token = this.#token;
    const answer = await this.#tell('tools/call', { name: `${alias}__say`, arguments: given });
    call.endMs = typeof answer === 'string' ? Date.now() : answer.readMs;
    this.#weigh(call, { answer, fault: chosen, expiresMs: token?.expiresMs ?? 0 });
    this.#book.count(`${alias} ${chosen === 'none' ? '' : `(${chosen}) `}→ ${call.end}`);
    this.#book.opened(call);
  }

  /** Sets how the call ended, and says where that must not be. */
  #weigh(call: CallRecord, seen: { answer: Answer | 'cut' | 'hang'; fault: string; expiresMs: number }): void {
    const { answer, fault, expiresMs } = seen;
    const where = `${call.agentId} ${call.alias} (${fault}) ${call.nonce}`;
    const quietMs = call.startMs - this.#village.quietSinceMs({ alias: call.alias, home: this.#member });
    if (answer === 'hang') {
      call.end = 'cut';
      return this.#book.violation(`${where}: no answer within ${HANG_MS} ms`);
    }
    if (answer === 'cut') {
      call.end = 'cut';
      if (this.#member.upSince(call.startMs - 1_000)) this.#book.violation(`${where}: cut by a node that was there`);
      return;
    }
    if (answer.status === 401 || endOf(answer) === 'UNAUTHENTICATED') {
      call.end = 'unauthenticated';
      this.#token = undefined;
      if (call.endMs < expiresMs - 1_000) this.#book.violation(`${where}: a good token was refused ${answer.text}`);
      else this.#book.count('expired tokens refused');
      return;
    }
    if (answer.status === 404 && !this.#isStateless) {
      call.end = 'no-session';
      this.#session = undefined;
      // A node that begins anew has none of its sessions.
      if (this.#member.upSince(this.#sessionMs)) this.#book.violation(`${where}: its session was lost`);
      return;
    }
    if (call.startMs > expiresMs + LATE_MS) this.#book.violation(`${where}: an expired token was good`);
    call.end = endOf(answer);
    if (quietMs > EXPLAINED_MS) this.#book.count(ASKED_WELL);
    if (call.end === 'ok') return this.#sameWords(call, { text: answer.text, where });
    if (UNANSWERED.includes(fault)) return;
    if (!HONEST.includes(call.end)) {
      this.#book.violation(`${where}: ${call.end} ${answer.status} ${answer.text.slice(0, 300)}`);
    } else if (call.alias !== 'liar' || !BY_LIES.includes(call.end)) {
      this.#book.refused(quietMs);
      if (quietMs <= EXPLAINED_MS) return;
      const tookMs = call.endMs - call.startMs;
      const said = `${call.end} ${quietMs} ms after the last disturbance, in ${tookMs} ms: ${answer.text.slice(0, 300)}`;
      this.#book.violation(`${where}: ${said}`);
    }
  }

  #sameWords(call: CallRecord, { text, where }: { text: string; where: string }): void {
    const said = saidIn(text);
    if (said?.['who'] !== call.agentId || said['nonce'] !== call.nonce) {
      this.#book.violation(`${where}: answered with what is another's: ${text.slice(0, 300)}`);
    }
    if (call.alias === 'own' && said?.['owner'] !== call.agentId) {
      this.#book.violation(`${where}: served by the process of ${String(said?.['owner'])}`);
    }
  }

  /** The same arguments whoever asks: only the answer differs, and it may be kept for a while. */
  async #mine(): Promise<void> {
    const answer = await this.#tell('tools/call', { name: 'own__mine', arguments: {} });
    if (typeof answer === 'string' || answer.status !== 200 || endOf(answer) !== 'ok') return;
    const { who } = saidIn(answer.text) ?? {};
    this.#book.count(who === null ? 'a private answer of nobody' : 'a private answer');
    if (who !== null && who !== this.agentId)
      this.#book.violation(`${this.agentId} was told what ${String(who)} is told`);
  }

  /** Tries another's session with its own token. */
  async #intrude(others: readonly Agent[]): Promise<void> {
    const other = this.#chance.pick(
      others.filter((one) => one !== this && one.session !== undefined && one.#member === this.#member),
    );
    if (other?.session === undefined) return;
    const answer = await this.#post(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }), {
      'Mcp-Session-Id': other.session,
    }).catch(() => undefined);
    if (answer === undefined) return;
    if (answer.status === 200) this.#book.violation(`${this.agentId} used the session of ${other.agentId}`);
    else this.#book.count("another's session refused");
  }

  async #tell(method: string, params: Record<string, unknown>): Promise<Answer | 'cut' | 'hang'> {
    this.#id += 1;
    try {
      if (this.#isStateless) {
        const [message, { headers }] = stateless(this.#id, method, params);
        return await this.#post(JSON.stringify(message), headers);
      }
      const message = { jsonrpc: '2.0', id: this.#id, method, params };
      return await this.#post(JSON.stringify(message), { 'Mcp-Session-Id': this.#session ?? '' });
    } catch (error) {
      return error instanceof Error && error.name === 'TimeoutError' ? 'hang' : 'cut';
    }
  }

  #post(body: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
    return exchange(this.#member.node.ready.gateway, {
      body,
      headers: { ...JSON_TYPE, ...headers, Authorization: `Bearer ${this.#token?.text ?? ''}` },
      connections: this.#connections,
      withinMs: HANG_MS,
    });
  }
}

export function neverRan(call: CallRecord): boolean {
  return NEVER_RAN.includes(call.end);
}

/** The JSON-RPC message in a body that is one, or in the last event of a stream. */
function messageIn(text: string): Record<string, any> | undefined {
  const events = text.split('\n').filter((line) => line.startsWith('data: {'));
  try {
    return JSON.parse(events.at(-1)?.slice('data: '.length) ?? text) as Record<string, any>;
  } catch {
    return undefined;
  }
}

function endOf(answer: Answer): string {
  const message = messageIn(answer.text);
  if (message?.['error'] !== undefined) return String(message['error'].data?.code ?? message['error'].code);
  if (message?.['result'] === undefined) return `status-${answer.status}`;
  return message['result'].isError === true ? String(message['result'].structuredContent?.code ?? 'tool-error') : 'ok';
}

function saidIn(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(messageIn(text)?.['result'].content[0].text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
