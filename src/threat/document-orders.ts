/** Kinds of writing that give instructions to people. */
const WRITING =
  'manuals?|handbooks?|readme|leaflets?|booklets?|brochures?|recipes?|box|wiki|(?:style|user|assembly|setup|install\\w{0,6}|migration|onboarding)\\s{1,3}guides?|guidebooks?|edition';

/**
 * An order to pay no heed to what a manual says, as people write it to each other: "ignore the previous instructions in the handbook".
 * It speaks of a document by its kind, not of what a model was told.
 */
export const DOCUMENT_ORDER = new RegExp(
  [
    `\\b(?:ignore|disregard|forget|discard)\\s{1,3}(?:[a-z]{1,12}\\s{1,3}){0,5}(?:instructions?|directives?|rules?|guidelines?)\\s{1,3}(?:in|from|of|on)\\s{1,3}(?:[\\w.-]{1,16}\\s{1,3}){0,5}(?:${WRITING})\\b`,
    '\\b(?:ignorier|vergiss|vergesst)\\p{L}{0,3}\\s[^.\\n]{0,40}(?:anweisung|regel|vorgabe)\\p{L}{0,3}\\s(?:im|aus dem|in der|aus der)\\s\\p{L}{0,20}(?:handbuch|anleitung|leitfaden)',
    '\\b(?:ignore[rz]?|oublie[rz]?)\\s[^.\\n]{0,40}(?:instructions|consignes|directives)\\s[^.\\n]{0,20}(?:du|de la|dans le|dans la)\\s(?:manuel|notice|brochure)',
    '\\b(?:ignor[ae]n?|olvid[ae]n?)\\s[^.\\n]{0,40}(?:instrucciones|reglas)\\s[^.\\n]{0,20}(?:del|en el)\\s(?:manual|folleto)',
    '(?:игнорируй|забудь)\\p{L}{0,3}\\s[^.\\n]{0,40}(?:указани|инструкци|правил)\\p{L}{0,3}\\s(?:в|из)\\s(?:руководств|справочник|брошюр)',
    '(?:忽略|無視|无视|忘记)掉?[^。,,\\n]{0,12}(?:手册|手冊|说明书|說明書|文档|文檔)[^。,,\\n]{0,10}(?:指令|指示|规则|規則|要求|说明|說明|内容)',
    '(?:マニュアル|説明書|手引き)[^。\\n]{0,4}の[^。\\n]{0,8}(?:指示|ルール)[^。\\n]{0,6}(?:無視|忘れ)',
  ].join('|'),
  'giu',
);
