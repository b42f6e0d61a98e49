import type { Command } from 'commander';
import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { CliError } from '../exit.ts';
import { type Invocation, withSession } from '../invocation.ts';
import { listing } from '../terminal.ts';
import { readAll } from './agents.ts';
import { act } from './gov-act.ts';
import { asAgent } from './gov-alone.ts';

const MAX_BYTES = 1024 * 1024;

export interface Change {
  readonly vote?: boolean;
  readonly agent?: string;
  readonly reason: string;
}

/** Who decides: to see it, to change it, and to bring what was signed elsewhere. */
export function addRules(gov: Command, invocation: Invocation): void {
  const { terminal } = invocation;
  gov
    .command('rules')
    .description('who decides, how many it takes, and how each voter’s log goes on')
    .action((_options, command) =>
      withSession(command, invocation, async (session) => {
        const { voters, thresholds, ...facts } = await session.call('gov.rules', {});
        const names = Object.entries(voters).map(([name, { key }]) => `${name} (${key})`);
        terminal.answer({ ...facts, voters, thresholds }, listing({ ...facts, ...thresholds, voters: names }));
      }),
    );
  change(
    gov.command('expel <voter>').description('proposes to remove a voter who signed two votes that contradict'),
  ).action((voter: string, options: Change, command) =>
    proposeRules(command, invocation, { title: `Expel ${voter}`, rules: { kind: 'expel', voter }, options }),
  );
  change(
    gov
      .command('recover <voter>')
      .description('proposes another key for a voter who lost its own; again when that is approved, to complete it')
      .requiredOption('--candidate <file>', 'what `gov new-key` printed; - reads standard input'),
  ).action(async (voter: string, options: Change & { candidate: string }, command) => {
    const { key, proof, voter: named } = candidateIn(await textOf(options.candidate, invocation));
    if (named !== voter) throw new CliError('FILE_UNREADABLE', `this is no candidacy for the seat of ${voter}`);
    const rules = { kind: 'recover', voter, key, proof };
    return proposeRules(command, invocation, { title: `Another key for ${voter}`, rules, options });
  });
  gov
    .command('new-key <voter>')
    .description('makes the key that is to take a voter’s seat: the key into a file, its candidacy printed')
    .requiredOption('--out <file>', 'where the private key goes (a new file); `village agents key import` takes it')
    .option('--joins', 'the voter has no seat yet')
    .action((voter: string, { out, joins }: { out: string; joins?: boolean }, command) =>
      withSession(command, invocation, async (session) => {
        const { village_id: net, epoch: ep, voters } = await session.call('gov.rules', {});
        if (joins !== true && !Object.hasOwn(voters, voter)) {
          const hint = 'for a new seat, which `village gov amend --seat` proposes, say --joins';
          throw new CliError('USAGE', `${voter} is no voter of this village`, { hint });
        }
        const candidate = await newKey({ net, ep, voter }, out);
        terminal.answer(candidate, JSON.stringify(candidate));
      }),
    );
  gov
    .command('resume <voter>')
    .description(
      'vouches that this disk holds all that a voter signed, where it was put back from a copy and somebody is gone for good',
    )
    .action((voter: string, _options, command) =>
      withSession(command, invocation, async (session) => {
        const answer = await session.call('gov.resume', { voter });
        terminal.answer(
          answer,
          answer.resumed ? `${voter} signs here again` : `nothing kept ${voter} from signing here`,
        );
      }),
    );
  gov
    .command('hand-in <file>')
    .description('brings statements that voters signed elsewhere, one a line; - reads standard input')
    .action((file: string, _options, command) =>
      withSession(command, invocation, async (session) => {
        const statements = (await textOf(file, invocation)).split('\n').filter((line) => line.trim() !== '');
        if (statements.length === 0) throw new CliError('USAGE', `${file} holds no statement`);
        const answer = await session.call('gov.hand_in', { statements: statements.map((line) => line.trim()) });
        terminal.answer(answer, answer.statements.map(({ id, status }) => `${id}  ${status}`).join('\n'));
        if (answer.statements.some(({ status }) => status === 'refused')) invocation.exitCode = 1;
      }),
    );
}

export function change(command: Command): Command {
  return command.requiredOption('--reason <text>', 'why').option('--vote', 'approve it at once').addOption(asAgent());
}

export function proposeRules(
  command: Command,
  invocation: Invocation,
  { title, rules, options }: { readonly title: string; readonly rules: object; readonly options: Change },
): Promise<void> {
  const { reason: description, vote, agent } = options;
  const args = () => ({
    title,
    description,
    type: 'critical_change',
    proposed_changes: { rules },
    auto_vote: vote === true,
  });
  return act(command, invocation, { tool: 'governance_proposal', id: undefined, args, agent });
}

interface Seat {
  readonly net: string;
  readonly ep: number;
  readonly voter: string;
}

/** The private half goes into a file that nobody else reads, and nowhere else. */
async function newKey(seat: Seat, out: string): Promise<{ voter: string; key: string; proof: string; epoch: number }> {
  // Loaded when it is used: no other verb needs the codec.
  const { keyProofInput } = await import('../../../src/governance/index.ts');
  const { privateKey } = generateKeyPairSync('ed25519');
  const jwk = privateKey.export({ format: 'jwk' });
  const key = String(jwk.x);
  const input = keyProofInput({ ...seat, key });
  const signature = sign(null, Buffer.from(input), createPrivateKey({ key: jwk, format: 'jwk' }));
  const file = await open(out, 'wx', 0o600).catch((cause: unknown) => {
    throw new CliError('FILE_UNREADABLE', `${out} cannot be made: it must be a new file`, { cause });
  });
  try {
    await file.writeFile(`${JSON.stringify({ kty: 'OKP', crv: 'Ed25519', x: key, d: jwk.d, kid: seat.voter })}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  return { voter: seat.voter, key, proof: `${input}.${signature.toString('base64url')}`, epoch: seat.ep };
}

interface Candidate {
  readonly voter: string;
  readonly key: string;
  readonly proof: string;
}

export function candidateIn(text: string): Candidate {
  const { voter, key, proof } = parsed(text);
  if (typeof voter === 'string' && typeof key === 'string' && typeof proof === 'string') return { voter, key, proof };
  throw new CliError('FILE_UNREADABLE', 'this is no candidacy for a seat', {
    hint: 'give what `village gov new-key` printed',
  });
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}

export async function textOf(file: string, { stdin }: Invocation): Promise<string> {
  try {
    const text = file === '-' ? await readAll(stdin) : await readFile(file, 'utf8');
    if (text.length <= MAX_BYTES) return text;
  } catch (cause) {
    throw new CliError('FILE_UNREADABLE', `${file} cannot be read`, { cause });
  }
  throw new CliError('FILE_UNREADABLE', `${file} is too long`);
}
