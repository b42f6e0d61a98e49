import type { Signature, ThreatFamily, Weights } from './finding.ts';
import { SECOND_STATEMENTS } from './second-statements.ts';

/** What a value that should be one word, a path or an address never needs; a text may well speak of it. */
const foreign = (score: number, text: number, others: Partial<Weights> = {}): Weights => ({
  path: score,
  url: score,
  word: score,
  command: 0,
  code: 0,
  text,
  ...others,
});
const of =
  (family: ThreatFamily) =>
  (pattern: RegExp, weights: Weights): Signature => ({ family, pattern, weights });
const sql = of('sql-injection');
const template = of('template-injection');
const header = of('header-injection');
const directory = of('directory-injection');
const object = of('object-injection');

/** Of a line alone: elsewhere others look for the same. */
const IN_A_LINE: Weights = { path: 0, url: 0, word: 0, command: 0, code: 0, text: 0, line: 0.85 };

/** Values that break out of the language they are put into: SQL, templates, header lines, LDAP filters, serialised objects. */
export const INJECTIONS: readonly Signature[] = [
  sql(
    /['"`]\s*\){0,4}\s*(?:or|and|xor|\|\||&&)\s+(?:not\s+)?['"`(]{0,4}[\w.@]{1,64}['"`)]{0,4}\s*(?:=|<|>|!=|like\s*['"(%\w]|between\b|in\s*\(|is\s+(?:not\s+)?(?:null|true|false)\b|regexp\b)/i,
    foreign(0.95, 0.4),
  ),
  sql(/['"`]\s*\){0,4}\s*(?:or|and)\s*(?:\(|['"`]\s*['"`])/i, foreign(0.9, 0.3)),
  sql(
    /\b(?:0x)?\d{1,20}['"`)]{0,3}\s+(?:or|and)\s+\(?(?:['"]?(?:0x[0-9a-f]{1,20}|\d{1,20})['"]?|['"]\w{1,20}['"])\s*[=<>]|\b(?:or|and)\s+\(?['"]?(\w{1,12})['"]?\s*=\s*['"]?\1\b/i,
    foreign(0.95, 0.4, { filter: 0.88 }),
  ),
  sql(/\bunion\b[\s(+]{1,20}(?:(?:all|distinct)\b[\s(+]{1,20})?select\b/i, foreign(0.95, 0.3)),
  sql(
    /['"`)\w]\s*;\s*(?:(?:drop|alter|create|truncate)\s+(?:table|database|schema|view|user|role|login|index|function|procedure|trigger|extension|or\s+replace)\b|delete\s+from\b|insert\s+into\b|update\s+[\w.`[\]]{1,60}\s+set\b|exec(?:ute)?(?:\(|\s+[\w(@'"])|shutdown\b|grant\s+[\w ,]{1,60}\s+(?:on|to)\b|declare\s+@|select\s+(?:[^;\n]{0,120}\bfrom\b|[\d'"@*(]|[\w.]{1,40}\s?\()|merge\s+into\b|copy\s+[\w.]{1,60}\s*(?:\(|from\b|to\b))/i,
    foreign(0.95, 0.35, { filter: 0.92 }),
  ),
  sql(/['"]\s*\){0,4}\s*(?:;\s*)?(?:--(?!\w)|#|\/\*)/, foreign(0.9, 0.3)),
  sql(/\b(?:order|group)\s+by\s+\d{1,4}\s*(?:--|#|\/\*)/i, foreign(0.9, 0.3)),
  sql(
    /\b(?:sleep|benchmark|pg_sleep|extractvalue|updatexml|load_file|xp_cmdshell|xp_dirtree|utl_http\.request|dbms_\w{1,30}\.\w{1,30}|randomblob|load_extension)\s*\(/i,
    foreign(0.9, 0.3),
  ),
  sql(/\bwaitfor\s+delay\b|\binto\s+(?:out|dump)file\b|\bhaving\s+\d{1,10}\s*=\s*\d/i, foreign(0.9, 0.3)),
  sql(
    /\b(?:information_schema|pg_catalog|pg_shadow|sqlite_master|sqlite_schema|sysobjects|mysql\.user|all_tables)\b/i,
    foreign(0.9, 0.2),
  ),
  sql(/\bselect\b[^;]{1,200}\bfrom\b\s+\w/i, foreign(0.85, 0.1, { path: 0.5, url: 0.5, filter: 0.6 })),
  // A query inside what should be a value, or inside one side of a condition.
  sql(/\(\s*select\b[^)]{1,200}|\bcase\s+when\b[^;]{1,200}\bthen\b/i, foreign(0.93, 0.1, { path: 0.5, filter: 0.88 })),
  sql(
    /\b\d{1,4}\s*=\s*\d{1,4}\s*\)\s*;|['"]\s*(?:\|\||\+)\s*\(?\s*select\b|\bn?char\((?:0x[0-9a-f]{1,4}|\d{1,3})\)\s*(?:\|\||\+|,)/i,
    foreign(0.93, 0.4, { filter: 0.92, line: 0.85 }),
  ),
  sql(/['"]\s*;\s*(?:drop|delete|insert|update)\b/i, foreign(0.93, 0.4, { filter: 0.92 })),
  ...SECOND_STATEMENTS.map((pattern) => sql(pattern, IN_A_LINE)),
  sql(
    /@@(?:version|server\w{0,8}|hostname|datadir|basedir)\b|\bxp_\w{3,30}\s+['"]|\border\s+by\s+\d{1,4}\s*(?:--|#|$)/i,
    foreign(0.9, 0.2),
  ),
  // Operators of a document store, and script where it evaluates one.
  object(
    /['"]?\$where['"]?\s*:|;\s*(?:return\s+(?:true|1)|var\s+\w{1,20}\s*=\s*['"])|['"]\s*(?:\|\||&&)\s*['"]?\w{1,20}['"]?\s*={2,3}/,
    foreign(0.92, 0.3, { filter: 0.88 }),
  ),
  object(
    /"(?:pass\w{0,6}|pwd|pin|otp|token|secret)"\s*:\s*\{\s*"\$(?:ne|gt|gte|nin|regex|exists|in)"/i,
    foreign(0.93, 0.4, { filter: 0.92 }),
  ),
  object(
    /(?:^|[.[\]"'/])__proto__(?:[.[\]"'/]|$)|\bconstructor[.[\]"'/]{1,4}prototype\b/,
    foreign(0.93, 0.2, { filter: 0.85, line: 0.3 }),
  ),

  template(
    /\{\{[^{}]{0,120}(?:\d\s*\*\s*['"]?\d|__\w{1,30}__|\bconfig\b|\bconstructor\b|\brequest\b|\bcycler\b|\blipsum\b|\bself\b|\bprocess\b|\brange\b)/i,
    foreign(0.95, 0.45, { line: 0.85 }),
  ),
  template(/[$#@*]\{\s*[^}]{0,60}\d\s*\*\s*\d/, foreign(0.95, 0.4)),
  template(/<%[=-]?[^%]{0,120}(?:\d\s*\*\s*\d|\bsystem\b|\bexec\b|\brequire\b|\bFile\b|`)/, foreign(0.95, 0.3)),
  template(
    /\$\{[^}]{0,40}(?:(?:jndi|env|sys|lower|upper|java|script|date|ctx|base64|dns|bundle):|::-)[^}]{0,80}/i,
    foreign(0.9, 0.3),
  ),
  template(
    /\$\{[^}]{0,60}j[^}]{0,30}n?[^}]{0,30}d?[^}]{0,30}i?[^}]{0,20}:(?:ldap|ldaps|rmi|dns|iiop)\b/i,
    foreign(0.97, 0.6),
  ),
  template(
    /__(?:class|globals|subclasses|builtins|import|mro|base)__|\bT\(java\.|getRuntime\s*\(|ProcessBuilder\s?\(|freemarker\.template|\bglobal\.process\b|mainModule\.require|\bos\.(?:popen|system)\s*\(/,
    foreign(0.95, 0.3),
  ),

  header(
    /(?:[\r\n]|%0[da]|%u000[da])\s{0,4}(?:set-cookie|location|content-(?:length|type|disposition)|host|http\/\d|transfer-encoding|bcc|cc|to|from|subject|x-[\w-]{1,40}|authorization)\s{0,2}:/i,
    foreign(0.92, 0, { line: 0.92 }),
  ),
  header(
    /[\r\n]\s{0,4}(?:GET|POST|PUT|DELETE|EHLO|MAIL FROM|RCPT TO|SET|FLUSHALL|CONFIG|SLAVEOF)\b\s*\S/,
    foreign(0.9, 0),
  ),

  directory(/^[^(]{0,80}\)\s*\(\s*[|&!\w]/, { ...foreign(0.93, 0.3, { filter: 0.9 }), path: 0, url: 0 }),
  directory(/^[^(]{0,80}\*\)\s*\(|^[^(]{0,80}\)\s*\(\s*[|&!]\s*\(|^\*[()|&]{2}/, {
    ...foreign(0.9, 0.1),
    path: 0,
    url: 0,
  }),

  object(/\bO:\d{1,6}:"[\w\\]{1,80}":\d|\ba:\d{1,4}:\{[is]:\d/, foreign(0.95, 0.7)),
  object(
    /(?:^|\n|[:-]\s{1,4}|\[)\s{0,8}!!(?:python\/(?:object|name|module)|javax?\.|js\/function|ruby\/)|!ruby\/object:\w/,
    foreign(0.95, 0.8, { code: 0.88, filter: 0.9, line: 0.9 }),
  ),
  object(/!!(?:python|ruby|javax?)[/.]|!ruby\/|\brO0AB[\w+/]{4}|\bAAEAAAD\/{4}/, foreign(0.95, 0.7, { code: 0.5 })),
  object(/_\$\$ND_FUNC\$\$_|\bc(?:os|posix|subprocess)\n(?:system|Popen)/, foreign(0.95, 0.8, { code: 0.8 })),
];
