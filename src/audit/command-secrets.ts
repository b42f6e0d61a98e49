export const HIDDEN = '[secret]';

/** Between a program and one of its options: the same command, and not all of a text. */
const REST = '[^\\n|;&]{0,400}';
/** A variable or a setting that says what it holds. */
const NAME = '(?:[Pp]ass(?:word|wd)|[Ss]ecret|[Tt]oken|[Kk]ey|PASS(?:WORD|WD)|SECRET|TOKEN|KEY)';
const QUOTES = ['"', "'", ''];

/** Where in a command line of `programs` a secret stands behind one of `options`; `lead`: what of the value is not secret. */
function behind(programs: string, options: string, lead = ''): string[] {
  return QUOTES.map((quote) => {
    const value = quote === '' ? '[^\\s"\']{1,1024}' : `[^${quote}\\n]{1,1024}`;
    return `(?<=(?<![\\w.-])(?:${programs})(?:\\.exe)?(?=\\s)${REST}\\s(?:${options})\\\\{0,4}${quote}${lead})${value}`;
  });
}

/** `-p SECRET`, `-p=SECRET`, `-pSECRET`. */
const option = (letters: string) => `-[${letters}][\\s=]{0,4}`;
const LOGINS =
  '(?:docker|podman|nerdctl|buildah|helm|oras|crane|skopeo|regctl|az|cf|oc)\\s(?:[^\\n|;&]{0,80}\\s)?login';
const MYSQLS = '(?:mysql|mariadb)(?:dump|admin|import|show|check|slap|pump|sh|-dump|-admin|-import|-check)?';

/** What programs are told on their command line that is nobody else's business. Bounded: each looks 400 characters back at most. */
const SECRETS = [
  ...behind('curl', '(?:-[a-zA-Z]{0,8}[uUE]|--(?:proxy-)?user|--cert)[\\s=]{0,4}', '[^\\s:"\'/]{1,128}:(?!//)'),
  ...behind('curl', '(?:-[a-zA-Z]{0,8}b|--cookie)[\\s=]{0,4}', '[^\\s="\']{1,128}='),
  ...behind('curl', '--oauth2-bearer[\\s=]{1,4}'),
  ...behind('https?|xhs?', '(?:-[a-zA-Z]{0,4}a|--auth)[\\s=]{1,4}', '[^\\s:"\']{1,128}:'),
  ...behind('lftp|ncftp', '-u[\\s=]{0,4}', '[^\\s,"\']{1,128},'),
  ...behind('smbclient|rpcclient|net', '(?:-U|--user)[\\s=]{0,4}', '[^\\s%"\']{1,128}%'),
  // With a space after it this one asks, and what follows is a database.
  ...behind(`${MYSQLS}|7z|7za|7zr`, '-p'),
  ...behind(`sshpass|mongo\\w{0,8}|cqlsh|beeline|ncftp(?:put|get)|twine|useradd|usermod|${LOGINS}`, option('p')),
  ...behind('sqlcmd|osql|isql|bcp|zip|unzip|zipcloak|ipmitool', option('P')),
  ...behind('redis-cli', option('a')),
  ...behind('ldap(?:search|modify|add|delete|passwd|whoami|compare|exop)', option('w')),
  ...behind('snmp\\w{2,10}', option('AX')),
  ...behind('openssl', '-[kK]\\s{1,4}'),
  ...behind('xfreerdp', '\\/p:'),
  ...behind('sqlplus|sqlldr|expdp|impdp|rman', '', '[^\\s/@"\']{1,64}\\/'),
  ...behind('kubectl|oc', 'secret\\s[^\\n|;&]{0,300}--from-literal[\\s=]{1,2}', '[^\\s="\']{1,64}='),
  ...behind('vault', 'login\\s{1,4}(?:token=)?', '(?=[^\\s"\']{0,32}\\d)'),
  ...behind('rclone', 'obscure\\s{1,4}'),
  ...behind('net', '\\/user:\\S{1,80}\\s{1,4}', '(?!\\/)'),
  ...behind('machine', 'login\\s\\S{1,80}\\s{1,4}password\\s{1,4}'),
  ...behind('aws|npm|pnpm|yarn|git|gcloud|poetry', `config(?:ure)?\\s{1,4}(?:set\\s{1,4})?\\S{0,80}${NAME}\\s{1,4}`),
  ...QUOTES.map((quote) => `(?<=(?:^|\\s)(?:ENV|setx)\\s{1,4}\\w{0,80}${NAME}\\s{1,4}${quote})[^\\s"']{1,1024}`),
  // What is handed on to the standard input of one that reads it there.
  `(?<=\\becho\\s{1,4}(?:-\\w{1,4}\\s{1,4})?["']?)[^\\s"'|]{1,1024}(?=["']?\\s{0,4}\\|[^\\n|]{0,200}(?:--password-stdin|--with-token|\\bchpasswd)\\b)`,
];

/** Programs, and other words, without one of which none of these can match. */
export const NAMES_A_COMMAND =
  /\b(?:curl|https?|xhs?|n?cftp\w{0,3}|lftp|smbclient|rpcclient|net|mysql|mariadb|7z|sshpass|mongo|cqlsh|beeline|twine|user(?:add|mod)|login|sqlcmd|osql|isql|bcp|zip|ipmitool|redis-cli|ldap|snmp|openssl|xfreerdp|sqlplus|sqlldr|expdp|impdp|rman|kubectl|oc|vault|rclone|machine|config|ENV|setx|echo)/;

export const COMMAND_SHAPES: readonly RegExp[] = SECRETS.map((source) => new RegExp(source, 'g'));

/** Stands between two arguments; within them no command ends. */
const APART = ' ';
const LONGEST_LINE = 8_000;

/**
 * Arguments as a program gets them, each secret in them replaced as on a command line. `program`: the one that they are for, where it is not
 * among them. The same list where there is nothing to replace.
 */
export function hiddenArguments(program: string, list: readonly unknown[]): readonly unknown[] {
  let line = `${program.slice(0, 200)}${APART}`;
  const begins: number[] = [];
  for (const one of list) {
    if (line.length > LONGEST_LINE) break;
    begins.push(line.length);
    line += typeof one === 'string' ? one.slice(0, LONGEST_LINE).replaceAll(/[\s|;&"']/g, '_') : '_';
    line += APART;
  }
  if (!NAMES_A_COMMAND.test(line)) return list;
  const found = COMMAND_SHAPES.flatMap((shape) => [...line.matchAll(shape)].map(({ index }) => index));
  if (found.length === 0) return list;
  return list.map((one, nth) => {
    const [first, next] = [begins[nth], begins[nth + 1] ?? line.length];
    if (typeof one !== 'string' || first === undefined) return one;
    const cut = Math.min(...found.filter((index) => index >= first && index < next));
    return cut < next ? `${one.slice(0, cut - first)}${HIDDEN}` : one;
  });
}
