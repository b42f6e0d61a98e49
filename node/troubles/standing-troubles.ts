import { inForceInVain, type PolicyView } from '../../src/constitution/index.ts';
import type { ExporterFigures } from '../telemetry/index.ts';
import type { Village } from '../village/index.ts';
import type { RecentTroubles } from './recent.ts';
import type { Trouble } from './trouble.ts';

export interface StandingTroubleParts {
  readonly village: Pick<Village, 'standing'>;
  readonly policy: () => Pick<PolicyView, 'agentOf' | 'value'>;
  /** Voters whose keys are on this node. */
  readonly voters: () => readonly string[];
  /** When the gateway's certificate ends, where it has one. */
  readonly certificateEndsMs: () => number | undefined;
  /** The address beyond loopback on which the gateway speaks plain HTTP; undefined: there is none. */
  readonly plainGateway: () => string | undefined;
  readonly governance: { warnings(): readonly string[] };
  readonly fog: { troubles(): readonly string[] };
  /** Where spans go; undefined: nowhere. */
  readonly tracing: (() => ExporterFigures) | undefined;
  readonly recent: Pick<RecentTroubles, 'lasting'>;
  /** Unix milliseconds. */
  readonly now: () => number;
}

const DAY_MS = 24 * 3_600_000;
const CERTIFICATE_ENDS_MS = 14 * DAY_MS;
const RENEWAL_OVERDUE_MS = 5 * DAY_MS;

/** What is wrong with what this node is and was told to be. */
export function* standingTroubles(parts: StandingTroubleParts): Iterable<Trouble> {
  const { recent } = parts;
  const config = recent.lasting('config');
  if (config !== undefined) {
    yield {
      kind: 'config-unusable',
      sinceMs: config.sinceMs,
      found: `the configuration was changed and cannot be used: ${config.problem}`,
      means: 'what was in force before stays in force; at the next start the node would refuse it',
      remedy: 'mend the file (`village config check FILE` says where)',
    };
  }
  yield* membership(parts);
  yield* certificate(parts);
  const plain = parts.plainGateway();
  if (plain !== undefined) {
    yield {
      kind: 'gateway-plain',
      of: plain,
      isNote: true,
      found: `the gateway speaks plain HTTP on ${plain} (insecureGatewayBind)`,
      means: 'whoever sees the network sees the tokens of agents, and can use them',
      remedy: 'nothing, if something in front of it speaks TLS 1.3; else take `insecureGatewayBind` out',
    };
  }
  const voters = parts.voters();
  if (voters.length > 1) {
    yield {
      kind: 'voters-together',
      of: voters.join(', '),
      found: `this node holds the keys of ${voters.length} voters (${voters.join(', ')})`,
      means: 'who breaks into this machine has as many votes',
      remedy: 'move some with `village agents key export`',
    };
  }
  for (const found of parts.governance.warnings()) {
    const means = 'a vote does not count, or not as its voter may think';
    yield { kind: 'governance', found, means, remedy: 'see `village gov list`, and ask the voter it names' };
  }
  for (const { key, name } of inForceInVain(parts.policy())) {
    yield {
      kind: 'policy-names-nobody',
      of: `${key} ${name}`,
      found: `${key} names ${JSON.stringify(name)}, and no agent is called that`,
      means: 'whoever was meant is treated like everybody else',
      remedy: 'propose the list again; an agent of a node is NAME@NODE, an agent of the village its name alone',
    };
  }
  for (const found of parts.fog.troubles()) {
    const means = 'what was deployed does not run as it was asked for, or new work is not taken here';
    yield { kind: 'fog', found, means, remedy: 'see `village fog ps`, and do as it says' };
  }
  yield* tracing(parts);
}

function* membership({ village, now }: StandingTroubleParts): Iterable<Trouble> {
  const standing = village.standing();
  if (standing.kind === 'refused') {
    yield {
      kind: 'membership-ended',
      found: `this node is no member any more (${standing.because})`,
      means: 'no other node lets it in or serves its agents',
      remedy: 'join again with a new invite (`village join`)',
    };
    return;
  }
  const { expiresAtMs } = standing.membership;
  if (expiresAtMs - now() >= RENEWAL_OVERDUE_MS) return;
  yield {
    kind: 'membership-ending',
    found: `the membership of this node ends on ${new Date(expiresAtMs).toISOString()}`,
    means: 'it is renewed by itself, and that has not come about for days',
    remedy: 'connect to a member that may invite',
  };
}

function* certificate({ certificateEndsMs, recent, now }: StandingTroubleParts): Iterable<Trouble> {
  const refused = recent.lasting('certificate');
  if (refused !== undefined) {
    yield {
      kind: 'certificate-unusable',
      sinceMs: refused.sinceMs,
      found: `the files of the gateway's certificate changed and cannot be used: ${refused.problem}`,
      means: 'the last good one is shown until it ends',
      remedy: 'put a certificate and its key there that belong together; they are looked at again by themselves',
    };
  }
  const endsMs = certificateEndsMs();
  if (endsMs === undefined || endsMs - now() >= CERTIFICATE_ENDS_MS) return;
  const over = endsMs <= now();
  yield {
    kind: 'certificate-ending',
    found: `the certificate of the gateway ${over ? 'ended' : 'ends'} on ${new Date(endsMs).toISOString()}`,
    means: over ? 'clients refuse to connect' : 'after that clients refuse to connect',
    remedy: 'put a new one in its files',
  };
}

function* tracing({ tracing: figures }: StandingTroubleParts): Iterable<Trouble> {
  const { failing, dropped } = figures?.() ?? {};
  if (failing === undefined || dropped === undefined) return;
  const lost = dropped.full + dropped.refused + dropped.unreached;
  yield {
    kind: 'telemetry-failing',
    sinceMs: failing.sinceMs,
    found: `traces do not reach their collector: ${failing.problem}`,
    means: `calls are not affected; ${lost} spans are lost so far`,
    remedy: 'see that `telemetry.otlp.endpoint` is right and the collector takes OTLP over HTTP with JSON',
  };
}
