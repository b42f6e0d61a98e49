import type { Signature } from './finding.ts';

const SHOWN = { path: 0.93, url: 0.93, word: 0.93, command: 0, code: 0, line: 0.9, filter: 0.85 };
/** What a script in a page does when it is put there by somebody else; an honest page in a text is longer, or has prose around it. */
const DEED =
  '(?:alert|prompt|confirm|eval|fetch|document|window|import|atob|location|cookie|new\\s+image|xmlhttprequest)';

/** Markup and templates that do something as soon as they are shown or rendered: what a title never needs. */
export const RUNNING: readonly Signature[] = [
  {
    family: 'cross-site-scripting',
    pattern: new RegExp(
      [
        `<\\s{0,4}script\\b[^><]{0,120}>[^<]{0,200}${DEED}`,
        '<\\s{0,4}script\\b[^><]{0,120}\\bsrc\\s{0,4}=\\s{0,4}["\'`]?(?:https?:)?//',
        `<\\w{1,20}\\s[^<]{0,120}=\\s{0,4}["']?[^"'<>\\s]{0,20}javascript\\s{0,4}:(?!\\s{0,4}(?:void\\b|;|history\\b))`,
        `<\\w{1,20}[^><]{0,160}[\\s/"']on[a-z]{3,24}\\s{0,4}=\\s{0,4}["'\`]?[^>]{0,60}${DEED}`,
        '\\b(?:href|src|action|formaction|data|srcdoc)\\s{0,4}=\\s{0,4}["\'`]?\\s{0,4}(?:javascript\\s{0,4}:(?!\\s{0,4}(?:void\\b|;|history\\b))|data\\s{0,4}:\\s{0,4}text/html|<)',
        `^\\s{0,8}javascript\\s{0,4}:|["']\\s{0,4}on[a-z]{3,24}\\s{0,4}=\\s{0,4}["'\`]?[^>]{0,40}${DEED}`,
      ].join('|'),
      'i',
    ),
    weights: { ...SHOWN, text: 0.3 },
  },
  {
    family: 'template-injection',
    // Out of the language of the template into that of the machine.
    pattern:
      /(?:\{\{|\{%|[$#*@]\{|<%|<#|\[\[|\{php)[^\n{]{0,160}(?:__(?:class|globals|subclasses|builtins|import|mro|base|init)__|getRuntime|ProcessBuilder|\bpopen\b|child_process|constructor\.constructor|\b(?:system|execSync|shell_exec|passthru|exec)\s*\(|template\.utility|java\.(?:lang|util|io)\.|\.getClass\s*\(|mainModule|\bcycler\b|\blipsum\b)|#\{\s*(?:`|system|\d{1,6}\s*\*\s*\d)|<%=?\s*(?:system|`|exec|File\.)/i,
    weights: { ...SHOWN, text: 0.5, template: 0.9 },
  },
  {
    family: 'template-injection',
    pattern: /\$\{\s{0,4}jndi\s{0,4}:|\$\{[^}]{0,20}\$\{(?:lower|upper|env|sys|date|::)[^}]{0,40}\}/i,
    weights: { ...SHOWN, text: 0.6, template: 0.9 },
  },
  {
    family: 'template-injection',
    pattern: /[$*#@]\{\{<%\[%|\{\{\s*\d{1,8}\s*\*\s*['"]?\d{1,8}['"]?\s*\}\}\S{0,4}\{\{/,
    weights: { ...SHOWN, text: 0.5, template: 0.9 },
  },
];
