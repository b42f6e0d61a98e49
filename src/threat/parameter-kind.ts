import type { Weights } from './finding.ts';

/**
 * What a parameter is for, told by its name: a path, an address, a single word (an id, a name, a table), a command line, code
 * (which may hold anything a language allows), the source of a template, the condition of a search, one line that is shown, or
 * text (which may hold anything people write, code and commands included).
 */
export type ParameterKind = keyof Weights;

const PATHS =
  'path paths output file files filename filepath dir directory folder cwd root dest destination target_dir basename';
const URLS = 'url urls uri href link links endpoint webhook callback origin location redirect proxy image avatar feed';
const COMMANDS = 'command commands cmd shell exec bash argv scripts hooks';
const CODE =
  'code sql script source query_code snippet statement expression expr program module function lambda regex jq yaml json xml html css markdown patch diff query_sql stylesheet notebook cell';
const WORDS =
  'id ids uid cn dn ou uuid to cc bcc recipient recipients headers header key keys user username login account owner author assignee email host hostname domain ip address port branch tag tags ref commit repo repository label labels sort order column columns table field fields format lang language locale timezone currency date time status state type kind mode topic channel city country region zip phone version package image_name container pod namespace bucket node peer agent role group team project workspace device sensor model name firstname lastname sku isbn slug sort_by order_by password passwd pin otp symbol ticker level priority category cursor invoice printer size width height number serial customer supplier vendor product order parcel shipment booking payment transaction iban street';

const LINES = 'title subject display displayname heading caption summary_line greeting signature nickname bio';
/** Wherever it stands: what the rules for a value say, not the value. */
const TEXTS =
  'text message description comment comments summary note notes content body reason pattern example examples help default';
const FILTERS = 'filter filters where condition conditions criteria predicate having';
const TEMPLATES = 'template templates';

const KIND_OF = new Map<string, ParameterKind>([
  ...named('path', PATHS),
  ...named('url', URLS),
  ...named('command', COMMANDS),
  ...named('code', CODE),
  ...named('word', WORDS),
  ...named('text', TEXTS),
  ...named('line', ['display_name', LINES].join(' ')),
  ...named('filter', FILTERS),
  ...named('template', TEMPLATES),
]);
/** What the name of a parameter says. */
interface Parameter {
  readonly kind: ParameterKind;
  /** Its name says what it is, also inside of something else. */
  readonly isTold: boolean;
  /** Beside a path it is what goes into the file. */
  readonly isContent: boolean;
  /** A name that means something to the machine which takes the object apart. */
  readonly isLoaded: boolean;
  /** Longer, or of other signs, than names are: it is read as a value is. */
  readonly isOdd: boolean;
}

const CONTENT = /^(?:contents?|text|data|body|file_?text|(?:new|old)_?(?:str(?:ing)?|text)|edits)$/i;
const LOADED = /^(?:\$.*|__proto__|prototype|constructor)$/s;
/** Compilers mark their own modules with a NUL. */
const ODD = /[^\0\w\s.:,@/*+&?!$#-]|--|\.\.[\\/]|\s(?:or|and|union|select)\s/i;
const LONGEST_USUAL = 64;
const remembered = new Map<string, Parameter>();
const REMEMBERED_AT_MOST = 4_096;
const LONGEST_NAME = 128;

/** Of a name that tells nothing the kind is text. */
export function parameterNamed(name: string): Parameter {
  const known = remembered.get(name);
  if (known !== undefined) return known;
  const told = kindBy(name.slice(0, LONGEST_NAME));
  const parameter = {
    kind: told ?? 'text',
    isTold: told !== undefined,
    isContent: CONTENT.test(name),
    isLoaded: LOADED.test(name),
    isOdd: name.length > LONGEST_USUAL || ODD.test(name),
  };
  if (remembered.size < REMEMBERED_AT_MOST && name.length <= LONGEST_NAME) remembered.set(name, parameter);
  return parameter;
}

function kindBy(name: string): ParameterKind | undefined {
  const whole = name.toLowerCase();
  const parts = name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/);
  // `user_id` is an id, `file_path` a path: the last word says what it is.
  return KIND_OF.get(whole) ?? KIND_OF.get(parts.at(-1) ?? '');
}

function named(kind: ParameterKind, names: string): [string, ParameterKind][] {
  return names.split(' ').map((name) => [name, kind]);
}
