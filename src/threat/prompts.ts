import type { ParameterKind } from './parameter-kind.ts';

interface Marker {
  readonly pattern: RegExp;
  /** What it says alone. */
  readonly score: number;
}

/** Words that speak to the model behind a tool rather than to the tool. One may be a quotation; two that fit together seldom are. */
const MARKERS: readonly Marker[] = [
  {
    pattern:
      /\b(?:ignore|disregard|forget|override|bypass|discard|drop|skip)\b[^.\n]{0,40}\b(?:previous|prior|above|earlier|preceding|all|any|your|system|original|existing|safety)\b[^.\n]{0,40}\b(?:instruction|prompt|rule|guideline|polic|directive|safeguard|restriction|guardrail|training|constraint|message)/i,
    score: 0.62,
  },
  {
    pattern:
      /ignorier\w{0,3}\b[^.\n]{0,30}\b(?:vorherig|bisherig|obig|all)\w{0,4}\b[^.\n]{0,20}anweisung|ignor(?:ez|a|ar|are)\b[^.\n]{0,30}(?:instructions?|instrucciones|instruções|istruzioni|consignes)|olvida\b[^.\n]{0,30}instrucciones|oublie\w{0,2}\b[^.\n]{0,30}(?:instructions|consignes)|忽略(?:之前|以上|先前|所有)|игнорируй\S{0,3}\s[^.\n]{0,30}(?:инструкц|указан)|(?:以前|これまで|上記)の(?:指示|命令)を(?:無視|忘れ)/iu,
    score: 0.62,
  },
  {
    pattern:
      /\byou are (?:now|no longer)\b|\bfrom now on,? you\b|\bact as (?:an? )?(?:unrestricted|unfiltered|jailbroken|root|administrator|dan)\b|\b(?:developer|god|debug|jailbreak|maintenance|sudo|admin) mode\b|\bpretend (?:you|to be|that you)\b[^.\n]{0,60}\b(?:no|without|any) (?:restrictions?|rules|filters?|limits?)|\bdo anything now\b|\bno (?:restrictions|ethical|content polic)/i,
    score: 0.4,
  },
  {
    pattern:
      /\b(?:reveal|print|show|repeat|output|leak|dump|send|exfiltrate|forward|post|upload|e-?mail|transmit|include|append|attach|copy|encode|return|give|list|share)\b[^.\n]{0,70}\b(?:system prompt|(?:hidden|initial|secret|internal) (?:prompt|instructions?)|api[ _-]?keys?|access[ _-]?tokens?|tokens?|passwords?|credentials?|secrets?|private[ _-]keys?|environment variables|env vars?|\.env|\.ssh|id_rsa|ssh keys?|conversation history|chat history|(?:entire|full|whole) (?:conversation|context|memory))\b/i,
    score: 0.4,
  },
  {
    pattern:
      /\b(?:do not|don't|dont|never|without|must not|avoid)\b[^.\n]{0,30}\b(?:tell(?:ing)?|mention(?:ing)?|inform(?:ing)?|notify(?:ing)?|alert(?:ing)?|reveal(?:ing)?|ask(?:ing)?|say(?:ing)?|show(?:ing)?|report(?:ing)?|disclos\w{1,4}|explain(?:ing)?)\b[^.\n]{0,50}\b(?:user|users|human|operator|anyone|anybody|them|admin|administrator|owner|confirmation|permission|this|it)\b/i,
    score: 0.4,
  },
  {
    pattern:
      /<\/?(?:system|important|instructions?|assistant|admin|secret|hidden|s)>|\[\/?(?:system|inst|important|admin|hidden)(?:\s[^\]]{0,30})?\]|<\|(?:im_start|im_end|system|endoftext|assistant|user|eot_id|start_header_id)\b|^\s{0,4}#{2,4}\s*(?:system|instruction|new instruction|response)s?\b|\bbegin (?:system|admin|new) (?:prompt|instructions?|message)|^\s{0,4}(?:system|assistant)\s{0,2}:\s/im,
    score: 0.4,
  },
  {
    pattern:
      /\b(?:new|updated|real|actual|true|following|urgent|mandatory|important|additional|revised)\b\s{1,4}(?:system\s{1,4}|security\s{1,4}|admin\s{1,4})?(?:instructions?|orders?|directives?|task|policy|override|objective)\b\s{0,4}(?::|is\b|are\b|from\b)|\bsystem override\b|\bpriority override\b/i,
    score: 0.4,
  },
  {
    pattern:
      /\b(?:call|invoke|use|run|execute|trigger)\b[^.\n]{0,60}\b(?:tool|function|command|shell|terminal|read_file|send_email|http_request|delete_\w{1,20}|transfer_\w{1,20})\b[^.\n]{0,120}\b(?:secret|token|password|key|keys|credentials|contents? of|\/etc\/|\.ssh|\.env|attacker|evil|all (?:files|users|records|emails))/i,
    score: 0.45,
  },
  {
    pattern:
      /\b(?:before|after|whenever|every time|each time|when) (?:you )?(?:us(?:e|ing)|call(?:ing)?|answer(?:ing)?|respond(?:ing)?|process(?:ing)?|reading?|summari[sz]\w{1,4})\b[^.\n]{0,80}\b(?:you must|always|first|also|secretly|silently|quietly)\b|\b(?:secretly|silently|quietly|covertly|in the background)\b[^.\n]{0,60}\b(?:send|read|copy|upload|forward|call|execute|run|delete|transfer|add|approve|email|post|grant)\b/i,
    score: 0.45,
  },
  {
    pattern:
      /https?:\/\/[^\s)]{1,120}[?&/](?:data|d|q|c|x|leak|exfil|secret|token|payload|log|key|stolen|cookie)=?(?:\{|\$|<|\[|%7b)|!\[[^\]]{0,40}\]\(https?:\/\/[^)]{1,120}(?:\{|\$|<|%7b)/i,
    score: 0.45,
  },
];
const PAIR = 0.85;
const MORE = 0.95;

/** How much a text looks like instructions for somebody else's model: 0 to 1. */
export function promptInjection(text: string, kind: ParameterKind): number {
  let found = 0;
  let strongest = 0;
  for (const { pattern, score } of MARKERS) {
    if (!pattern.test(text)) continue;
    found += 1;
    if (score > strongest) strongest = score;
  }
  const score = found > 2 ? MORE : found === 2 ? PAIR : strongest;
  return kind === 'code' || kind === 'command' ? score * 0.6 : score;
}
