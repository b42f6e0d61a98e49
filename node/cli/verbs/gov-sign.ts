import type { Command } from 'commander';
import { createPrivateKey, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { parseStrictJson } from '../../../src/kernel/index.ts';
import { CliError } from '../exit.ts';
import type { Invocation } from '../invocation.ts';
import { printable } from '../terminal.ts';
import { proposalId, wholeHash } from './gov-act.ts';
import { type Signed, SignedBefore } from './signed-before.ts';

const CHOICES = ['approve', 'reject', 'abstain'];

const Key = z.object({
  x: z.string().length(43),
  d: z.string().length(43),
  /** Where the log ended when the key left a node. */
  signer: z.object({ seq: z.int().nonnegative(), head: z.string().nullable() }).optional(),
});
const Next = z.object({
  v: z.literal(1),
  net: z.string(),
  ep: z.int(),
  seq: z.int().positive(),
  prev: z.string().nullable(),
});
const RulesFile = z.object({ voters: z.record(z.string(), z.object({ key: z.string(), next: Next })) });
const Wish = z.strictObject({
  kind: z.string(),
  ts: z.int().nonnegative().optional(),
  body: z.record(z.string(), z.json()),
});
type Wish = z.infer<typeof Wish>;

interface Options {
  readonly key: string;
  readonly rules: string;
  readonly village: string;
  readonly reason?: string;
  readonly final?: boolean;
  readonly statement?: string;
}

/** `gov sign`: a person's own device keeps the key and signs, with no node; `gov hand-in` brings what it printed. */
export function addSign(gov: Command, invocation: Invocation): void {
  gov
    .command('sign')
    .description(
      'signs as a voter whose key is in a file, without a node; `village gov hand-in` brings it to the village',
    )
    .argument('<voter>', 'whose key it is')
    .argument('[proposal]', 'its whole id: to vote on it', wholeHash)
    .addArgument(gov.createArgument('[vote]', CHOICES.join(', ')).choices(CHOICES))
    .requiredOption('--key <file>', 'the private key (JWK), as `agents key export` or `gov new-key` wrote it')
    .requiredOption('--rules <file>', 'what `village gov rules --json` printed, on any node: where the log goes on')
    .requiredOption('--village <id>', 'the id of the village', wholeHash)
    .option('--reason <text>', 'why, for a vote')
    .option('--final', 'commit the vote as well: it counts then, and cannot be changed any more')
    .option('--statement <file>', 'sign this instead: {"kind":…,"body":{…}}, of a kind in src/governance/statement.ts')
    .action((voter: string, proposal: string | undefined, vote: string | undefined, options: Options) =>
      signHere(voter, { proposal, vote, options }, invocation),
    );
}

interface Asked {
  readonly proposal: string | undefined;
  readonly vote: string | undefined;
  readonly options: Options;
}

async function signHere(voter: string, { proposal, vote, options }: Asked, { terminal }: Invocation): Promise<void> {
  const key = await read(options.key, { shape: Key, what: 'a private key' });
  const { voters } = await read(options.rules, { shape: RulesFile, what: 'what `gov rules --json` prints' });
  const seat = Object.hasOwn(voters, voter) ? voters[voter] : undefined;
  if (seat?.key !== key.x) throw new CliError('USAGE', `these rules give ${voter} another key, or no seat`);
  if (seat.next.net !== options.village) throw new CliError('USAGE', 'these rules are of another village');
  const wishes =
    options.statement === undefined
      ? votes({ proposal, vote, options })
      : [await read(options.statement, { shape: Wish, what: 'a statement to sign' })];
  const known = { seq: seat.next.seq - 1, id: seat.next.prev };
  const moved = { seq: key.signer?.seq ?? 0, id: key.signer?.head ?? null };
  const before = await SignedBefore.open(`${options.key}.signed`, {
    key: key.x,
    known: moved.seq > known.seq ? moved : known,
  });
  const signer = createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', x: key.x, d: key.d }, format: 'jwk' });
  // Loaded when it is used: no other verb of the command line signs statements.
  const { statementInput } = await import('../../../src/governance/index.ts');
  const signed: Signed[] = [];
  for (const { kind, ts, body } of wishes) {
    const { v, net, ep } = seat.next;
    const { seq, prev, at } = before.next(ts ?? Date.now());
    const payload = { v, net, ep, voter, seq, prev, ts: at, kind, body };
    const { input, id } = spelled(() => statementInput(key.x, payload as never));
    const statement = `${input}.${sign(null, Buffer.from(input), signer).toString('base64url')}`;
    before.add({ id, seq, at, kind, body });
    signed.push({ id, statement });
  }
  // On disk before anybody sees it: what this key signs next must not contradict it.
  await before.keep();
  terminal.answer({ statements: signed }, printable(signed.map(({ statement }) => statement).join('\n')));
}

function votes({ proposal, vote, options: { reason, final } }: Asked): readonly Wish[] {
  if (proposal === undefined || vote === undefined || reason === undefined) {
    throw new CliError('USAGE', 'say which proposal, what to vote and --reason why, or give a --statement');
  }
  const about = { proposal: proposalId(proposal), value: vote };
  const cast = { kind: 'vote', body: { ...about, reasoning: reason.normalize('NFC') } };
  return final === true ? [cast, { kind: 'commit', body: about }] : [cast];
}

function spelled<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new CliError('USAGE', 'this is no statement that a voter can sign', {
      cause,
      hint: 'src/governance/statement.ts has the kinds, body.ts what each says',
    });
  }
}

async function read<T>(
  file: string,
  { shape, what }: { readonly shape: z.ZodType<T>; readonly what: string },
): Promise<T> {
  const value = await readFile(file, 'utf8').then(parseStrictJson, () => undefined);
  const result = shape.safeParse(value);
  if (result.success) return result.data;
  throw new CliError('FILE_UNREADABLE', `${file} is not ${what}`);
}
