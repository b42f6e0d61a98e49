import type { Signature } from './finding.ts';

const EVERYWHERE = { path: 0.92, url: 0.92, word: 0.92, command: 0.3, code: 0.3, text: 0.4 };

/** What makes an interpreter do more than it was asked: classes that run when they are loaded, formulas, stylesheets, nested queries. */
export const GADGETS: readonly Signature[] = [
  {
    family: 'object-injection',
    pattern:
      /\bcom\.sun\.(?:rowset|org\.apache)\.|\bJdbcRowSetImpl\b|\bTemplatesImpl\b|\bcollections4?\.functors\.|\bObjectDataProvider\b|\bSystem\.Diagnostics\.Process\b|\bWindowsIdentity\b.{0,40}\bClaims|\bjavax\.script\.ScriptEngineManager\b|\bjavax\.naming\.InitialContext\b|\bDriverAdapterCPDS\b|\bFileSystemXmlApplicationContext\b|\bDriverManagerConnectionSource\b|\bINIT=RUNSCRIPT\s|\bDBCPConfig\b|\bc3p0\.\w{1,40}DataSource\b/,
    weights: EVERYWHERE,
  },
  {
    family: 'object-injection',
    pattern: /(?:^|[?&])(?:__proto__|constructor\[prototype\]|constructor\.prototype)(?:\[\w{1,40}\]|\.\w{1,40})=/,
    weights: { ...EVERYWHERE, text: 0.88 },
  },
  {
    family: 'template-injection',
    // An expression language that reaches the runtime it is evaluated in.
    pattern:
      /#_memberAccess\b|@java\.lang\.(?:Runtime|ProcessBuilder|System)@|\(#\w{1,20}\s?=\s?@|\bnew\s+java\.lang\.ProcessBuilder\(/,
    weights: { ...EVERYWHERE, code: 0.88, text: 0.6, template: 0.92 },
  },
  {
    family: 'template-injection',
    pattern:
      /\|\s?(?:filter|map|sort|reduce)\(\s?['"](?:system|passthru|exec|shell_exec)|registerUndefinedFilterCallback|\bOpen3\.(?:popen|capture)|\bSystem\.(?:shell|cmd)\(|classloader\.loadClass/i,
    weights: { ...EVERYWHERE, code: 0, text: 0.5, line: 0.9, template: 0.9 },
  },
  {
    family: 'template-injection',
    // Includes that the server in front carries out.
    pattern: /<!--#(?:exec|include|printenv|set|config)\b|<esi:(?:include|inline|debug|vars)\b/i,
    weights: { ...EVERYWHERE, code: 0.3, text: 0.6, line: 0.92 },
  },
  {
    family: 'object-injection',
    // Operators of a document store, spelled in a text or the fields of a form.
    pattern:
      /^\s{0,4}\{\s?["']?[$&](?:ne|gte?|lte?|regex|exists|nin|in|where)["']?\s?:|['"]\s?,\s?['"]?\$(?:or|and|where|ne|gt|comment)\b|\[\$(?:ne|gte?|lte?|regex|exists|nin|where)\]=|['"]\s?;\s?return\b/,
    weights: { ...EVERYWHERE, code: 0, text: 0.4 },
  },
  {
    family: 'external-entity',
    pattern:
      /xmlns:\w{1,20}\s?=\s?["'](?:https?:\/\/xml\.apache\.org\/x(?:alan|slt)\/java|java:|http:\/\/php\.net\/xsl|https?:\/\/saxon\.sf\.net\/java-type)|<msxsl:script\b|\bdocument\(\s?["'](?:file:|\/etc\/)/i,
    weights: { ...EVERYWHERE, code: 0.85, text: 0.82 },
  },
  {
    family: 'command-injection',
    // A cell that starts a program, or sends other cells away.
    pattern:
      /^\s{0,4}[=+@-].{0,80}\|\s?["']?\s?\/?[cC]\b.{0,120}!|^\s{0,4}=.{0,20}\b(?:IMPORT(?:XML|DATA|HTML|FEED)|WEBSERVICE)\(.{0,40}\bCONCAT/,
    weights: { ...EVERYWHERE, text: 0.9, line: 0.9 },
  },
  {
    family: 'command-injection',
    // The value goes on with options for the program that it is handed to.
    pattern: /^[\w.:]{1,40}\s{1,4}--?(?:write|output|exec|config|script|eval|upload-file|post-file)[=\s]/i,
    weights: { ...EVERYWHERE, command: 0, code: 0, text: 0, line: 0 },
  },
  {
    family: 'command-injection',
    // A call into the language that takes the value for a string.
    pattern:
      /(?:^|[;&|'"`.\s@])(?:system|passthru|shell_exec|popen|proc_open|execSync|eval)\s?\(\s?['"`$]|\bphpinfo\s?\(/,
    weights: { ...EVERYWHERE, command: 0, code: 0, text: 0.1, line: 0.5 },
  },
  {
    family: 'directory-injection',
    // Out of the quoted argument of one field into the next.
    pattern: /["']\s?\)\s?\{\s?\w/,
    weights: { ...EVERYWHERE, path: 0.5, command: 0, code: 0, text: 0, line: 0.5 },
  },
  {
    family: 'directory-injection',
    // The schema asked for in circles.
    pattern: /(?:\bfields\s?\{[^{}]{0,40}\btype\s?\{[^{}]{0,40}){3}/,
    weights: { ...EVERYWHERE, code: 0.5, text: 0.85 },
  },
];
