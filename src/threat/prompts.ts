import { DOCUMENT_ORDER } from './document-orders.ts';
import type { Hint, Signature } from './finding.ts';
import type { ParameterKind } from './parameter-kind.ts';
import type { Candidate } from './sieve.ts';

export interface Marker {
  readonly pattern: RegExp;
  /** What it says alone. */
  readonly score: number;
}

/** Words that speak to the model behind a tool rather than to the tool. One may be a quotation; two that fit together seldom are. */
export const MARKERS: readonly Marker[] = [
  {
    pattern:
      /\b(?:ignore|disregard|forget|override|bypass|discard|drop|skip)\b[^.\n]{0,40}\b(?:previous|prior|above|earlier|preceding|all|any|your|system|original|existing|safety)\b[^.\n]{0,40}\b(?:instruction|prompt|rule|guideline|polic|directive|safeguard|restriction|guardrail|training|constraint|message)/i,
    score: 0.62,
  },
  {
    // Said as an order, at the beginning of a sentence: nobody quotes it so.
    pattern:
      /(?:^|[.!?:>\]\n]\s{0,8}|\b(?:must|now|then|please|and)\s{1,3})(?:ignore|disregard|forget|override|discard)\s{1,4}(?:(?:all|any|the|your|every|of|these|those|everything)\s{1,4}){0,4}(?:(?:previous|prior|earlier|preceding|existing|above|former|other|safety)\s{1,4}){1,2}(?:\w{1,12}\s{1,4}){0,2}(?:instructions?|prompts?|directives?|rules?|guidelines?|constraints?)\b|\b(?:ignore|disregard|forget)\s{1,4}(?:all\s{1,4})?(?:the\s{1,4}|your\s{1,4})?(?:instructions?|rules?|prompts?|everything)\s{1,4}(?:above|before|you were)\b|(?:^|[.!]\s{1,4})(?:ignore|disregard|forget)\s{1,4}(?:all\s{1,4}|everything\s{1,4}|your\s{1,4})(?:\w{1,12}\s{1,4}){0,3}(?:instructions|rules|guidelines|told|said)\b|(?:^|[.!\n]\s{0,4})(?:ignore|disregard|forget)\s{1,4}(?:all\s{1,4})?(?:the\s{1,4})?(?:(?:above|preceding|foregoing)\s{1,4}(?:directions?|text|words|content|context)|(?:text|words|content)\s{1,4}(?:above|before))\b|\brepeat\b[^.\n]{0,40}\b(?:text|words|everything|sentences|lines?)\b[^.\n]{0,20}\babove\b[^\n]{0,80}\b(?:you are|code ?block|verbatim|word for word|include everything)\b/i,
    score: 0.85,
  },
  {
    pattern:
      /\b(?:do not|don't|never|not|no longer|stop)\s{1,3}(?:follow|obey|listen to|comply with|adhere to)\w{0,3}\s{1,3}(?:any |the |your |my )?(?:previous|prior|other|earlier|user|rules|instructions|guidelines|safety)|\bonly (?:obey|follow|listen to)\b[^.\n]{0,20}\bme\b|\bunrestricted (?:agent|ai|assistant|model|mode)\b|\bwithout (?:any )?(?:restrictions|limits|filters)\b/i,
    score: 0.5,
  },
  {
    // The same order in other languages.
    pattern:
      /(?:ignorier|vergiss|vergesst|missachte)\p{L}{0,3}\b[^.\n]{0,30}\b(?:vorherig|bisherig|obig|vorangegangen|früher)\p{L}{0,4}\b[^.\n]{0,20}(?:anweisung|instruktion|regel|befehl)|(?:^|[.!:\n]\s{0,4})(?:ignor(?:ez|e|a|ar|ad|en|en|ate)|oublie[zr]?|olvid(?:a|e|ar)|esqueç?a|dimentica(?:te)?|negeer|vergeet|zignoruj|ignoruj|yoksay|ignorera|glöm)\s[^.\n]{0,40}(?:instruc|instruç|istruzion|consigne|directive|instructies|opdrachten|instrukcj|polecen|talimat|instruktion)|(?:忽略|無視|无视|忘记|不要理会)(?:掉)?(?:之前|以上|先前|所有|前面|上述|一切)[^。\n]{0,10}(?:指令|指示|提示|命令|规则|規則|要求|说明|說明|内容|限制)|[игИГ](?:гнорируй|норируй)\S{0,3}\s[^.\n]{0,40}(?:инструкц|указан|правил)|(?:забудь|забудьте)\S{0,2}\s[^.\n]{0,30}(?:инструкц|указан|правил)|(?:以前|これまで|上記|今まで|先)の[^。\n]{0,8}(?:指示|命令|ルール)[^。\n]{0,6}(?:無視|忘れ)|(?:이전|위|앞)의?\s?(?:모든\s?)?(?:지시|명령|지침)\S{0,3}\s?[^.\n]{0,10}(?:무시|잊)|(?:تجاهل|انس)\s[^.\n]{0,30}(?:التعليمات|الأوامر)|(?:पिछले|सभी)\s[^।\n]{0,20}निर्देश\S{0,4}\s[^।\n]{0,20}(?:अनदेखा|भूल)/iu,
    score: 0.85,
  },
  {
    pattern:
      /\byou are (?:now|no longer)\b|\bfrom now on,? you\b|\bact as (?:an? )?(?:unrestricted|unfiltered|jailbroken|root|administrator|dan)\b|\b(?:developer|god|debug|jailbreak|maintenance|sudo|admin) mode\b|\bpretend (?:you|to be|that you)\b[^.\n]{0,60}\b(?:no|without|any) (?:restrictions?|rules|filters?|limits?)|\bdo anything now\b|\bno (?:restrictions|ethical|content polic)/i,
    score: 0.4,
  },
  {
    pattern:
      /\b(?:reveal|paste|put|display|print|show|repeat|output|leak|dump|send|exfiltrate|forward|post|upload|e-?mail|transmit|include|append|attach|copy|encode|return|give|list|share)\b[^.\n]{0,70}\b(?:system prompt|(?:hidden|initial|secret|internal|original) (?:prompt|instructions?)|api[ _-]?keys?|access[ _-]?tokens?|(?:the|your|my|users?'?s?|auth\w{0,12}|session|bearer) tokens?|passwords?|credentials?|secrets?|private[ _-]keys?|environment variables|env vars?|\.env|\.ssh|id_rsa|ssh keys?|conversation history|chat history|(?:entire|full|whole) (?:conversation|context|memory))\b/i,
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
      /\b(?:new|updated|real|actual|true|following|urgent|mandatory|important|additional|revised)\b\s{1,4}(?:system\s{1,4}|security\s{1,4}|admin\s{1,4})?(?:instructions?|orders?|directives?|task|policy|override|objective|prompt)\b\s{0,4}(?::|is\b|are\b|from\b)|\bsystem override\b|\bpriority override\b/i,
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
  {
    pattern:
      /\b(?:to|for|note to|attention|dear|hey)\s{1,3}(?:the |any |all )?(?:ai|llm|assistant|language model|chatbot|agent|model)s?\b(?:\s{1,3}(?:assistant|agent|model)s?)?(?:\s{1,3}(?:reading|processing|summari[sz]ing)|\s{0,2}:)|\b(?:ai|llm) (?:assistant|agent|model)s?\b\s{0,2}[:,]|\b(?:hidden|secret|special) instructions?\b|\bas your (?:administrator|developer|creator|owner|supervisor)\b|\bwhen (?:any|an|the) (?:agent|assistant|model|ai|llm)\b[^?\n]{0,80}\b(?:this|must|should|always|first|will)\b|\bif you(?:'re| are) (?:an? )?(?:\w{1,10} )?(?:ai|llm|language model|assistant|agent|chatbot)\b/i,
    score: 0.45,
  },
  {
    pattern:
      /\b(?:instead|immediately|then|now|first|only|always|never|must|also)[,:]?\s{1,3}(?:you must\s{1,3})?(?:first\s{1,3})?(?:call|invoke|run|execute|use)\s{1,3}(?:this tool|\w{2,30}_\w{2,40})|\b(?:when|whenever|if|while) this tool\b[^.\n]{0,120}\bother tools?\b|\bother tools?\b[^.\n]{0,60}\bmust\b|\bdo (?:what|whatever|everything) (?:it|that|this) (?:says|tells)\b|\b(?:decode|translate) (?:this|the following)\b[^.\n]{0,40}\b(?:and|then) (?:do|follow|obey|execute|run)\b|\bsupersedes? (?:all|any|every) (?:other|previous)|\bcall\s{1,3}\w{2,30}_\w{2,40}\b[^.\n]{0,40}\bwith\b/i,
    score: 0.45,
  },
  {
    pattern: /\bhide (?:this|it|that)\b[^.\n]{0,40}\bfrom\b|\bwithout (?:telling|informing|notifying|mentioning)\b/i,
    score: 0.4,
  },
  {
    pattern:
      /\b(?:change|replace|redirect|set|rewrite)\s{1,3}(?:the )?(?:recipient|destination|address|account)\b|\b(?:send|forward|upload|post|exfiltrate|email|pass|append|transmit|leak|copy)\b[^.\n]{0,120}\b(?:attacker|evil|webhook\.site|requestbin|pipedream|ngrok|burpcollaborator|oast)\b|\b(?:all|every|any) (?:\w{1,12} )?(?:passwords?|secrets?|tokens?|credentials?|environment variables?|api keys?|private (?:data|repositor\w{1,3}|keys?))\b[^.\n]{0,80}\b(?:to|into|at)\b/i,
    score: 0.45,
  },
];
const PAIR = 0.85;
const MORE = 0.95;

/** What is quoted after a word that says so, or as a point of a list, is talked about. */
const MENTIONED =
  /(?:\b(?:e\.g\.|such as|like|inject\w{0,4}|says?|said|saying|reads?|contain\w{0,4}|examples?|called|answered|told|asks?|phrases?|words|strings?|variations?|instead of|attempts?|attacks?)\b[^"“`'\n]{0,30}|(?:^|\n)\s{0,8}[-*]\s{1,4})(?:`[^`\n]{1,200}`|["“][^"”\n]{1,200}["”])/gi;
const QUOTED_AT_MOST = 0.62;
/** One doubt, in whatever words: with any other it makes a pair. */
const OF_A_DOCUMENT: Marker = { pattern: DOCUMENT_ORDER, score: QUOTED_AT_MOST };

/** How much a text looks like instructions for somebody else's model: 0 to 1. `candidates`: what may match this text. */
export function promptInjection(
  text: string,
  {
    kind,
    candidates,
  }: { readonly kind: ParameterKind; readonly candidates: readonly Candidate<Signature | Marker | Hint>[] },
): number {
  const markers = new Set<Marker>();
  for (const { rule, pattern } of candidates) if ('score' in rule && pattern.test(text)) markers.add(rule);
  if (markers.size === 0) return 0;
  let score = scoreOf(markers);
  if (score > QUOTED_AT_MOST) {
    const unquoted = text.replace(MENTIONED, ' ');
    const said = unquoted.replace(DOCUMENT_ORDER, ' ');
    const meant = new Set(MARKERS.filter(({ pattern }) => pattern.test(said)));
    if (said !== unquoted) meant.add(OF_A_DOCUMENT);
    score = Math.max(QUOTED_AT_MOST, scoreOf(meant));
  }
  return kind === 'code' || kind === 'command' ? score * 0.6 : score;
}

function scoreOf(markers: ReadonlySet<Marker>): number {
  if (markers.size > 2) return MORE;
  return markers.size === 2 ? PAIR : Math.max(0, ...Array.from(markers, ({ score }) => score));
}
