import type { Role } from '../../backends/role.ts';
import { agentAuthorizationManagement, registerAgent } from './agents.ts';
import { governanceHold, governanceWithdraw } from './alone.ts';
import { complianceAudit } from './compliance.ts';
import { emergencyOverride, emergencySystemShutdown, kingOverrideVote } from './king.ts';
import type { GovernanceParts } from './ports.ts';
import { governancePrompts } from './prompts.ts';
import { governanceProposal, governanceVote } from './propose.ts';
import { policyQuery } from './query.ts';

const READABLE = { mimeType: 'application/json', ttlMs: 1_000 } as const;
/** What an agent reads at once; `village gov list` shows all. */
const MAX_PROPOSALS = 200;
const CERTIFICATE = 'village://governance/certificates/';

/** The governance role: how the village decides, as agents see and do it. Each node answers for itself: that is where the agent's key is. */
export function governanceRole(parts: GovernanceParts): Role {
  const { desk } = parts;
  return {
    name: 'governance',
    title: 'Governance',
    version: '1.0.0',
    share: 'local',
    instructions:
      'How the village decides. policy_query shows what is in force; voters propose with governance_proposal and vote with governance_vote; a decision is in force on every node that hears of it and can be proven offline (village://governance/certificates/{id}).',
    tools: [
      governanceProposal(parts),
      governanceVote(parts),
      policyQuery(parts),
      kingOverrideVote(parts),
      emergencyOverride(parts),
      emergencySystemShutdown(parts),
      registerAgent(parts),
      agentAuthorizationManagement(parts),
      complianceAudit(parts),
      governanceHold(parts),
      governanceWithdraw(parts),
    ],
    resources: [
      {
        uri: 'village://governance/proposals',
        name: 'proposals',
        title: 'Proposals',
        description: `The last ${MAX_PROPOSALS} proposals with their votes, newest first; subscribe to hear of new ones, votes and decisions`,
        ...READABLE,
        read: () => {
          const proposals = desk.proposals();
          return { proposals: proposals.slice(0, MAX_PROPOSALS), total: proposals.length };
        },
      },
      {
        uri: 'village://governance/policy',
        name: 'policy',
        title: 'Policy in force',
        description: 'Every policy key with its value and who decided it; subscribe to hear of changes',
        ...READABLE,
        read: () => ({ policies: desk.policies({}) }),
      },
      {
        uri: 'village://governance/constitution',
        name: 'constitution',
        title: 'Constitution',
        description: 'The genesis of the village; its hash is the village id',
        ...READABLE,
        read: () => ({ village_id: desk.villageId, constitution: desk.constitution }),
      },
    ],
    templates: [
      {
        uriTemplate: `${CERTIFICATE}{id}`,
        name: 'certificate',
        title: 'Certificate of a decision',
        description:
          'What proves the decision of a proposal offline: give it to `village gov verify`. Before it is decided only its status; subscribe to hear of the decision',
        mimeType: 'application/json',
      },
    ],
    readTemplate: (uri) => (uri.startsWith(CERTIFICATE) ? certificate(desk, uri.slice(CERTIFICATE.length)) : undefined),
    onUpdated: (listener) => desk.onChange((what) => listener(`village://governance/${what}`)),
    prompts: governancePrompts,
  };
}

/** Of what is not decided yet only how it stands, so that one can subscribe to its end. */
function certificate(desk: GovernanceParts['desk'], id: string): Readonly<Record<string, unknown>> | undefined {
  const proof = desk.certificate(id);
  const proposal = proof === undefined ? desk.proposal(id) : undefined;
  if (proposal?.proposal_id !== id) return proof;
  return { proposal_id: id, status: proposal.status, certificate: null };
}
