import { AD_TYPE, type Sign } from '../../protocols/fog/index.ts';
import {
  decidePower,
  type FogAd,
  type Gpu,
  ledgerOf,
  nextAdMs,
  type NodeState,
  POWER_LIMITS,
  POWERED,
  type PowerState,
  type PowerVerdict,
} from '../../src/fog/index.ts';
import type { Reporter } from '../telemetry/events.ts';
import type { Condition } from './fingerprint/index.ts';
import type { FogClock } from './ports.ts';

/** How often power, heat and pressure are looked at. */
const LOOK_MS = 10_000;

export interface AdvertisingParts {
  readonly villageId: string;
  readonly sign: Sign;
  readonly clock: FogClock;
  readonly reporter: Reporter;
  readonly state: () => NodeState;
  readonly gpus: readonly Gpu[];
  readonly condition: () => Promise<Condition>;
  readonly setPower: (verdict: PowerVerdict) => void;
  /** The advertisement and its signed form, to be told to everybody, this node's own owner included. */
  readonly tell: (ad: FogAd, token: string) => void;
}

/** Says what this node has free: at once when that changes much, now and then when it does not. */
export class Advertising {
  readonly #parts: AdvertisingParts;
  #power: PowerState = POWERED;
  #condition: Condition = {
    power: { source: 'unknown', percent: null, charging: false },
    thermal: 'normal',
    psi: null,
  };
  #sent: { readonly ad: FogAd; readonly token: string; readonly atMs: number } | undefined;
  #seq = 0;
  #chance = 0;
  #cancelLook: (() => void) | undefined;
  #cancelTell: (() => void) | undefined;
  #stopped = true;

  constructor(parts: AdvertisingParts) {
    this.#parts = parts;
  }

  /** The newest as it was signed; undefined: none yet. */
  get token(): string | undefined {
    return this.#sent?.token;
  }

  async start(): Promise<void> {
    this.#stopped = false;
    await this.#look();
    this.#tell();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelLook?.();
    this.#cancelTell?.();
  }

  /** Something of this node may have changed. */
  nudge(): void {
    if (this.#stopped || this.#sent === undefined) return;
    const { clock, state } = this.#parts;
    const { limits } = state().config;
    const dueMs = nextAdMs(
      { sentMs: this.#sent.atMs, sent: this.#sent.ad, now: this.#ad() },
      { everyMs: limits.adEveryMs, soonestMs: limits.adSoonestMs, chance: this.#chance },
    );
    this.#cancelTell?.();
    this.#cancelTell = clock.after(Math.max(1, dueMs - clock.boottimeMs()), () => this.#tell());
  }

  #tell(): void {
    if (this.#stopped) return;
    const { clock, sign, tell } = this.#parts;
    this.#seq += 1;
    const ad = this.#ad();
    const token = sign(AD_TYPE, ad);
    this.#sent = { ad, token, atMs: clock.boottimeMs() };
    this.#chance = clock.chance();
    tell(ad, token);
    this.nudge();
  }

  #ad(): FogAd {
    const { villageId, clock, gpus, state } = this.#parts;
    const now = state();
    const { config, rows } = now;
    const { capacity, free, held, shards } = ledgerOf(config, rows.values());
    return {
      v: 1,
      village: villageId,
      node: config.node,
      bootSeq: now.bootSeq,
      instance: now.instance,
      seq: this.#seq,
      ts: Math.max(0, Math.round(clock.wallMs())),
      ttlMs: config.limits.adTtlMs,
      cap: capacity,
      free,
      held,
      gpus: [...gpus],
      maxShards: config.maxShards,
      shards,
      runtimes: [...config.runtimes],
      enforcement: [...config.enforcement],
      labels: { ...config.labels },
      ...this.#condition,
      // What power or heat forbids is as good as draining to whoever looks for a place.
      draining: now.drain !== undefined || now.power !== 'accept',
      policy: config.policy,
    };
  }

  async #look(): Promise<void> {
    const { clock, condition, reporter, setPower } = this.#parts;
    try {
      this.#condition = await condition();
      const { power, thermal } = this.#condition;
      this.#power = decidePower(this.#power, { power, thermal, nowMs: clock.boottimeMs(), limits: POWER_LIMITS });
      setPower(this.#power.verdict);
      this.nudge();
    } catch (error) {
      reporter.report('background.failed', { area: 'fog condition', error });
    }
    if (!this.#stopped) this.#cancelLook = clock.after(LOOK_MS, () => void this.#look());
  }
}
