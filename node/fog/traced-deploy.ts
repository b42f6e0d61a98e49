import type { Transition } from '../../src/fog/index.ts';
import { type Reporter, tracedWork } from '../telemetry/index.ts';
import type { DeploymentView, DeployOptions, FogAnswer } from './desk.ts';

const GOOD: ReadonlySet<string> = new Set(['running', 'starting']);

interface TracedDeploy {
  changed(what: Transition): void;
  ended(answer: FogAnswer<DeploymentView>): void;
}

/** The search for places, as its owner sees it: a span for it, and one for each step of a slot. undefined: its call is not traced. */
export function tracedDeploy(
  reporter: Reporter,
  { traceparent, principal }: Pick<DeployOptions, 'traceparent' | 'principal'>,
): TracedDeploy | undefined {
  const work = tracedWork(reporter, { traceparent, name: 'fog deploy', agent: principal.agentId });
  if (work === undefined) return undefined;
  const began = performance.now();
  const since = new Map<string, number>();
  return {
    changed({ of, id, from, to, because, peer = '', slot }) {
      const thing = `${of} ${id}`;
      const attributes = {
        ...{ 'village.fog.from': from, 'village.fog.because': because, 'village.peer': peer },
        'village.fog.slot': slot === undefined ? '' : String(slot.slot),
      };
      work.part(`fog ${of} ${to}`, since.get(thing) ?? began, { outcome: 'ok', attributes });
      since.set(thing, performance.now());
    },
    ended(answer) {
      work.end({ outcome: outcomeOf(answer), attributes: { 'village.fog.slots': slotsOf(answer) } });
    },
  };
}

function outcomeOf(answer: FogAnswer<DeploymentView>): string {
  if (answer.kind === 'refused') return answer.refusal.code;
  const { refusal, shards } = answer.value;
  return refusal?.code ?? shards.find(({ status }) => !GOOD.has(status))?.status ?? 'ok';
}

function slotsOf(answer: FogAnswer<DeploymentView>): string {
  return answer.kind === 'refused' ? '' : String(answer.value.shards.length);
}
