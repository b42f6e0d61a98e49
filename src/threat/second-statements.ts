const BREAK = String.raw`['"\x60)]`;
const OBJECT = '(?:table|database|schema|view|user|role|login|index|function|procedure|trigger|extension)';
const NAME = String.raw`[\w$.\x60"[\]]{0,80}[\w$\x60"\]]`;
/** Needs nothing more, and bears nothing but its end. */
const WHOLE = String.raw`(?:drop\s+${OBJECT}\s+(?:if\s+exists\s+)?${NAME}(?:\s+(?:cascade|restrict))?|truncate\s+table\s+${NAME}|delete\s+from\s+${NAME})`;
/** Goes on as only a statement does. */
const GOES_ON = String.raw`delete\s+from\s+\S{1,80}\s+(?:where|using)\b|insert\s+into\s+\S{1,80}\s{0,4}(?:\(|values\b|select\b|set\s|default\b)|update\s+[\w.\x60[\]]{1,60}\s+set\s+\S{1,80}\s{0,4}=|(?:alter|create)\s+(?:or\s+replace|${OBJECT})\b|exec(?:ute)?(?:\(|\s+[\w(@'"])|shutdown\b|grant\s+[\w ,]{1,60}\s+(?:on|to)\b|declare\s+@|select\s+(?:[^;\n]{0,120}\bfrom\b|[\d'"@*(]|[\w.]{1,40}\s?\()|merge\s+into\b|copy\s+[\w.]{1,60}\s*(?:\(|from\b|to\b)`;

/**
 * Second statements that a database would take, in one line that is shown. A title may speak of `'; DROP TABLE`: with prose behind it nothing
 * runs. It is an attack when it is whole and what follows is cut off: ended, or made a comment; or when it stands at the end, and what it
 * breaks out of ends a word.
 */
export const SECOND_STATEMENTS: readonly RegExp[] = [
  new RegExp(String.raw`(?:${BREAK}|\w)\s*;\s*${WHOLE}\s{0,4}(?:;|--|#|\/\*)`, 'i'),
  new RegExp(String.raw`(?:^|[^\s'"\x60(])${BREAK}{0,3};\s*${WHOLE}${BREAK}?\s{0,4}$`, 'i'),
  new RegExp(String.raw`(?:${BREAK}|\w)\s*;\s*(?:${GOES_ON})`, 'i'),
];
