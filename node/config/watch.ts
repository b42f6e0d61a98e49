import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { ConfigError } from './config-error.ts';
import { type ConfigSource, configFileOf, type LoadedConfig, loadConfig } from './load.ts';

export interface ConfigWatchOptions {
  /** Called with a configuration that differs from the last good one. A promise is waited for before the next is read. */
  readonly onChange: (loaded: LoadedConfig) => void | Promise<void>;
  /** Called once for each text that does not pass; the last good configuration stays in force. */
  readonly onInvalid: (error: unknown) => void;
  /** How long the folder must be quiet: editors save in several steps. */
  readonly quietMs?: number | undefined;
}

/** Watches the folder of a configuration file, since editors replace the file itself. Until `close`. */
export class ConfigWatch {
  readonly #source: ConfigSource;
  readonly #options: ConfigWatchOptions;
  readonly #watcher: FSWatcher;
  #lastText: string;
  #timer: NodeJS.Timeout | undefined;
  #reading: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(source: ConfigSource, loaded: LoadedConfig, options: ConfigWatchOptions) {
    this.#source = source;
    this.#options = options;
    this.#lastText = loaded.text;
    const file = configFileOf(source);
    this.#watcher = watch(dirname(file), { persistent: false }, (_event, name) => {
      if (name === null || name === basename(file)) this.#soon();
    });
    this.#watcher.on('error', (error) => this.#options.onInvalid(error));
    this.#soon(); // it may have changed since it was loaded
  }

  /** Stops watching; waits for a reload that is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#watcher.close();
    await this.#reading;
  }

  #soon(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#reading = this.#reading.then(() => this.#reload());
    }, this.#options.quietMs ?? 150);
    this.#timer.unref();
  }

  async #reload(): Promise<void> {
    if (this.#closed) return;
    try {
      const loaded = await loadConfig(this.#source);
      if (loaded.text === this.#lastText) return;
      this.#lastText = loaded.text;
      await this.#options.onChange(loaded);
    } catch (error) {
      this.#options.onInvalid(
        error instanceof ConfigError
          ? error
          : new ConfigError('CONFIG_UNREADABLE', 'the new configuration could not be applied', { cause: error }),
      );
    }
  }
}
