import { type ChildProcess, spawn } from 'node:child_process';
import { MARK } from './environment.ts';

// One small shell outlives us by seconds: at the end of its input, however we came to end, it kills the groups it was told of.
// It ignores signals meant for us, and knows the groups of its start from the start: we may end before we could write to it. (`kill -TERM -- -1234` is an error in dash; without
// the `--` every shell takes it.)
const SCRIPT = `
trap '' HUP INT TERM QUIT
run=$1
shift
groups=" $* "
while read -r verb group; do
  case $verb in
    +) groups="$groups$group " ;;
    -) groups="\${groups%% $group *} \${groups#* $group }" ;;
  esac
done
for group in $groups; do kill -TERM "-$group"; done 2>/dev/null
for try in 1 2; do
  alive=
  for group in $groups; do kill -0 "-$group" && alive=yes; done 2>/dev/null
  [ -z "$alive" ] && break
  sleep 1
done
for group in $groups; do kill -KILL "-$group"; done 2>/dev/null
for environ in /proc/[0-9]*/environ; do
  if grep -aqF "${MARK}=$run." "$environ"; then pid=\${environ#/proc/}; kill -KILL "\${pid%/environ}"; fi
done 2>/dev/null
`;

const RESTART_MS = 100;

/** Sees to it that no child outlives this process, even when it dies by SIGKILL. One shell of about 1 MiB for all children. */
export class Guard {
  readonly #run: string;
  readonly #groups = new Set<number>();
  #shell: ChildProcess | undefined;
  #closed = false;

  /** `run`: the part of the mark that all children of this process share. */
  constructor(run: string) {
    this.#run = run;
  }

  /** From here on group `pgid` dies with us. */
  watch(pgid: number): void {
    this.#groups.add(pgid);
    if (this.#shell === undefined) this.#start();
    else this.#tell(`+ ${pgid}`);
  }

  forget(pgid: number): void {
    if (this.#groups.delete(pgid)) this.#tell(`- ${pgid}`);
  }

  close(): void {
    this.#closed = true;
    this.#shell?.stdin?.end();
    this.#shell = undefined;
  }

  #start(): void {
    if (this.#closed || this.#shell !== undefined) return;
    const shell = spawn('/bin/sh', ['-c', SCRIPT, 'village-guard', this.#run, ...[...this.#groups].map(String)], {
      detached: true, // a Ctrl-C in the terminal is not for it
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { PATH: '/usr/bin:/bin' },
      cwd: '/',
    });
    this.#shell = shell;
    const gone = (): void => {
      if (this.#shell !== shell) return;
      this.#shell = undefined;
      if (this.#groups.size > 0) setTimeout(() => this.#start(), RESTART_MS).unref();
    };
    shell.on('error', () => undefined); // no shell at all: the children, which need it too, say so
    shell.on('exit', gone);
    shell.stdin?.on('error', () => undefined); // it was killed: `exit` starts another
    shell.unref();
  }

  #tell(line: string): void {
    this.#shell?.stdin?.write(`${line}\n`);
  }
}
