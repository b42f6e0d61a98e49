import type { Chance } from '../governance/chance.ts';
import type { Agenda } from './agenda.ts';

export interface Weather {
  readonly loss: number;
  readonly repeat: number;
  /** So often a message comes up to 20 s late. */
  readonly late: number;
}

/** Loses, repeats, delays and so reorders; nodes can be cut off one by one. */
export class Net {
  weather: Weather = { loss: 0.03, repeat: 0.02, late: 0.02 };
  readonly cut = new Set<string>();
  /** Heard by nobody, but hearing. */
  readonly muted = new Set<string>();
  readonly #agenda: Agenda;
  readonly #chance: Chance;
  readonly #count: (what: string) => void;

  constructor(agenda: Agenda, chance: Chance, count: (what: string) => void) {
    this.#agenda = agenda;
    this.#chance = chance;
    this.#count = count;
  }

  send(from: string, to: string, { kind, deliver }: { kind: string; deliver: () => void }): void {
    if (from === to) return this.#agenda.after(1, deliver);
    const isCut = () => this.cut.has(from) || this.cut.has(to) || this.muted.has(from);
    if (isCut() || this.#chance.happens(this.weather.loss)) return this.#count(`lost ${kind}`);
    const copies = this.#chance.happens(this.weather.repeat) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const late = this.#chance.happens(this.weather.late) ? this.#chance.roll() * 20_000 : 0;
      this.#agenda.after(5 - Math.log(1 - this.#chance.roll()) * 20 + late, () => {
        if (isCut()) this.#count(`lost ${kind}`);
        else deliver();
      });
    }
  }
}
