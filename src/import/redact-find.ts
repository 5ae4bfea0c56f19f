/** What in a text tells of a person or of one single machine, by its shape or by what stands before it. */

export const SECRET_KINDS = [
  'mac',
  'uuid',
  'hardware id',
  'ip',
  'host',
  'user',
  'path',
  'label',
  'serial',
  'password',
] as const;
export type SecretKind = (typeof SECRET_KINDS)[number];

/** A piece of a text, from `start` up to `end`. */
export interface Finding {
  readonly start: number;
  readonly end: number;
  readonly kind: SecretKind;
}

interface Rule {
  readonly pattern: RegExp;
  /** The kind of each group, in order. */
  readonly kinds: readonly SecretKind[];
  readonly isSecret: (value: string) => boolean;
  /**
   * A text without any of these words, in small letters, or in which this is not found, has no match,
   * which is quickly seen.
   */
  readonly needs: readonly string[] | RegExp;
}

/** Of nobody in particular. */
const GENERIC =
  /^(?:root|none|\(none\)|unknown|null|localhost(?:[46]?\.localdomain[46]?)?|linux|kernel|host|user|debian|ubuntu|fedora|arch|archlinux|buildroot|builder|nobody|amnesiac|gentoo|openwrt|boot|rootfs|home|swap|data|system|efi|esp|control)$/i;
/** Mailing lists and those who read them. */
const PUBLIC_DOMAIN =
  /(?:^|\.)(?:kernel|infradead|freedesktop|linuxfoundation|linux-foundation)\.org$|(?:^|\.)linux\.dev$|^lists\./i;
const ALL_ALIKE = /^[0:.-]*$|^[f:.-]*$/i;

/** Is it a name that somebody chose? */
export function isName(value: string): boolean {
  return !GENERIC.test(value) && !/^[\d.]*$/.test(value);
}

const isId = (value: string): boolean => !ALL_ALIKE.test(value);
/** What else stands behind the word serial: a port, a driver's chip, the device of a host controller. */
const NO_SERIAL =
  /^(?:tty|8250|uart|serial|port\b|0x[0-9a-f]{0,7}$|[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.|[0-9a-f]+\.[a-z][\w-]*$|[a-z][\w-]*\.\d{1,3}(?:\.auto)?$)/i;
const isSerial = (value: string): boolean =>
  /\d/.test(value) && isId(value) && !NO_SERIAL.test(value);
const isIpv4 = (value: string): boolean => !/^(?:0|127|255)\./.test(value);
const isIpv6 = (value: string): boolean =>
  value.split(':').filter((part) => part !== '').length > 2;

const HEX = '[0-9a-f]';
const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const TLD =
  'com|org|net|edu|gov|dev|de|uk|fr|nl|eu|us|cn|jp|kr|ru|it|es|pl|cz|ch|se|fi|dk|br|au|ca|info|local|lan|internal|corp|localdomain';
const NAME = '[\\p{L}\\p{N}](?:[\\p{L}\\p{N}_.-]{0,62}[\\p{L}\\p{N}])?';
const VALUE = '["\'<(]?([A-Za-z0-9][\\w.+/:-]{2,62}[\\w+/-])';

const rule = (
  kinds: Rule['kinds'],
  needs: Rule['needs'],
  pattern: string,
  isSecret: Rule['isSecret'] = () => true,
  flags = 'i',
): Rule => ({ kinds, needs, pattern: new RegExp(pattern, `dgu${flags}`), isSecret });

const RULES: readonly Rule[] = [
  rule(
    ['uuid'],
    /-[0-9a-f]{4}-/i,
    `(?<![0-9a-z])(${HEX}{8}(?:-${HEX}{4}){3}-${HEX}{12})(?![0-9a-z])`,
    isId,
  ),
  // Six groups of an Ethernet address, eight of Infiniband or a disk, twenty of IPoIB.
  rule(
    ['mac'],
    /[0-9a-f]{2}[:-][0-9a-f]{2}[:-][0-9a-f]{2}[:-]/i,
    `(?<![0-9a-z])(?<!${HEX}:)(${HEX}{2}([:-])${HEX}{2}(?:\\2${HEX}{2}){4,18})(?![0-9a-z])(?!:${HEX}{2}(?![0-9a-z]))`,
    isId,
  ),
  rule(
    ['mac'],
    ['enx', 'wlx', 'wwx'],
    `(?<![0-9a-z])(?:enx|wlx|wwx)(${HEX}{12})(?![0-9a-z])`,
    isId,
  ),
  rule(
    ['mac'],
    ['mac', 'addr'],
    `\\b(?:mac ?addr(?:ess)?|mac|ethaddr|hwaddr)[=: ]+(${HEX}{12})(?![0-9a-z])`,
    isId,
  ),
  rule(['hardware id'], /[0-9a-f]{32}/i, `(?<![0-9a-z])(${HEX}{32,128})(?![0-9a-z])`, isId),
  rule(
    ['hardware id'],
    ['wwn-', 'naa.', 'eui.', 'wwpn', 'wwnn', 'sas_addr'],
    `\\b(?:wwn-0x|naa\\.|eui\\.|ww[np]n[=: ]{1,2}(?:0x)?|sas_addr(?:ess)?[=( ]{1,2}0x)(${HEX}{16,32})`,
    isId,
  ),
  rule(
    ['ip'],
    /\d\.\d{1,3}\.\d{1,3}\.\d/,
    `(?<![\\w.-])(?<!\\b(?:version|ver|rev|firmware|fw|release|bios)[(=: ]{1,2})((?:${OCTET}\\.){3}${OCTET})(?![\\w-]|\\.\\d)`,
    isIpv4,
  ),
  rule(
    ['ip'],
    /::|[0-9a-f]:[0-9a-f]{1,4}:[0-9a-f]{1,4}:[0-9a-f]/i,
    `(?<![\\w:.])((?:${HEX}{1,4}:){7}${HEX}{1,4}|${HEX}{1,4}(?::${HEX}{1,4}){0,6}::(?:${HEX}{1,4}(?::${HEX}{1,4}){0,6})?)(?![\\w:])`,
    isIpv6,
  ),
  rule(
    ['uuid'],
    ['uuid'],
    `(?:\\b(?:PART)?UUID[=: ]["']?|/by-(?:part)?uuid/)(${HEX}{4}-?${HEX}{4}(?:-${HEX}{2})?)(?![\\w-])`,
  ),
  rule(
    ['user'],
    ['@'],
    `(\\p{Lu}[\\p{L}.'-]{0,32}(?: \\p{Lu}[\\p{L}.'-]{0,32}){0,3}) <[\\w.+-]{1,64}@`,
    isName,
    '',
  ),
  rule(
    ['user', 'host'],
    ['@'],
    `(?<![\\w.+-])([\\w.+-]{1,64})@((?:[a-z][\\w-]{0,62}\\.){1,8}(?:${TLD}))(?![\\w-])`,
    isName,
  ),
  rule(
    ['user', 'host'],
    ['linux version '],
    `Linux version \\S{1,200} \\(([^\\s@()]{1,64})@([^\\s()]{1,128})\\)`,
    isName,
  ),
  rule(
    ['user', 'host'],
    ['@'],
    `(?<![\\w.-])([\\w.-]{1,32})@(${NAME})(?=:[^\\s#$]{0,120}[#$](?:\\s|$)| [^\\s\\]]{0,120}\\][#$](?:\\s|$))`,
    isName,
  ),
  rule(['host', 'user'], [' login:'], `^\\s*(?!last )(${NAME}) login:(?: (${NAME}))?`, isName),
  rule(
    ['host'],
    ['hostname', 'nodename'],
    `\\b(?:hostname(?: set)? to |hostname is |(?:host|node)name ?[=:] ?)["'<]?(${NAME})`,
    isName,
  ),
  rule(['host'], [' kernel: '], `^\\[ {0,9}\\d{1,9}\\.\\d{6}\\] (${NAME}) kernel: `, isName),
  rule(['host'], ['_hostname'], `(?<!\\w)_HOSTNAME"?\\s{0,4}[:=]\\s{0,4}"?(${NAME})`, isName),
  rule(['host', 'host'], ['domain='], `\\bhost=(${NAME}), domain=(${NAME})`, isName),
  rule(['host'], ['ip='], `\\bip=(?:[^\\s:]{0,64}:){4}(${NAME}):`, isName),
  rule(['host'], ['md/'], `\\bmd/(${NAME}):\\d`, isName),
  rule(
    ['user', 'path'],
    ['/home/', '/users/', '\\\\users\\\\', '/media/'],
    `(?:/home/|/Users/|\\\\Users\\\\|/media/|/run/media/)(${NAME})((?:[/\\\\][\\w.@+,=%~-]+)*)`,
  ),
  rule(
    ['user'],
    ['acct', 'user', 'logname', 'uid', 'oid'],
    `(?:\\b(?:acct|user|logname|username|[ae]?uid|oui?d)=["'](?=\\D)|\\buser(?:name)?[=:] ?|\\bsession \\w{1,16} of user |\\bsession (?:opened|closed) for user )(${NAME})`,
    isName,
  ),
  rule(['label'], ['label='], `\\b(?:PART)?LABEL=["']?([^\\s"',;]{2,64})`, isName),
  rule(
    ['label'],
    ['/dev/disk/by-'],
    `/dev/disk/by-(?:label|partlabel|id)/([^\\s"',;]{2,128})`,
    isName,
  ),
  rule(['label'], ['device label '], `\\bdevice label (\\S{2,64}) devid`, isName),
  rule(
    ['label'],
    ['/dev/mapper/', 'rd.lvm.'],
    `(?:/dev/mapper/|\\brd\\.lvm\\.lv=|\\brd\\.lvm\\.vg=)([\\w.+/-]{2,128})`,
    isName,
  ),
  rule(['label'], ['ssid'], `\\bssid[=: ]{1,2}["']([^"']{1,32})["']`, isName),
  rule(
    ['serial'],
    ['serial', 's/n', 'tag', 'imei'],
    `(?<![\\w.-])(?:serial[ _-]?(?:number|num|no|nr)\\.?|serialno|serial ?#|s/n|board[ _]serial|chassis[ _]serial|product[ _]serial|(?:service|asset)[ _-]?tag|imei)\\s{0,12}[:=#]?\\s{0,4}${VALUE}`,
    isSerial,
  ),
  rule(
    ['serial'],
    ['androidboot.'],
    `\\bandroidboot\\.\\w{0,32}serial\\w{0,32}=${VALUE}`,
    isSerial,
  ),
  rule(
    ['serial'],
    ['serial', 'sn'],
    `(?<![\\w.-])(?:serial|sn)\\s{0,12}[:=]\\s{0,4}${VALUE}`,
    isSerial,
  ),
  rule(
    ['serial'],
    ['iqn.', 'nqn.'],
    `\\b(?:iqn|nqn)\\.\\d{4}[.-]\\d{2}\\.[\\w.-]{1,64}:([\\w.:-]{4,128})`,
    isSerial,
  ),
  rule(
    ['password'],
    ['pass', 'psk', 'key=', 'secret='],
    `\\b(?:password|passwd|passphrase|psk|api_?key|secret)=(\\S{1,128})`,
  ),
];

/** What rules look for. */
export const SECRET_PATTERNS: readonly RegExp[] = RULES.map(({ pattern }) => pattern);

/** Finds any of the words that rules need. */
const ANY_WORD = new RegExp(
  RULES.flatMap(({ needs }) => (needs instanceof RegExp ? [] : needs))
    .map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('|'),
);

/** Every secret in the text that its shape or its surroundings betray. Linear in the text, for each rule. */
export function findSecrets(text: string): readonly Finding[] {
  const found: Finding[] = [];
  const small = text.toLowerCase();
  const hasWord = ANY_WORD.test(small);
  for (const { pattern, kinds, isSecret, needs } of RULES) {
    const isPossible =
      needs instanceof RegExp
        ? needs.test(text)
        : hasWord && needs.some((literal) => small.includes(literal));
    if (!isPossible) continue;
    pattern.lastIndex = 0;
    for (let match = pattern.exec(text); match !== null; match = pattern.exec(text))
      found.push(...findingsOf(match, kinds, isSecret));
  }
  return found;
}

/** The groups of a match that are secrets. */
function findingsOf(
  match: RegExpExecArray,
  kinds: Rule['kinds'],
  isSecret: Rule['isSecret'],
): readonly Finding[] {
  const isPublic = kinds.some(
    (kind, i) => kind === 'host' && PUBLIC_DOMAIN.test(match[i + 1] ?? ''),
  );
  if (isPublic) return [];
  return kinds.flatMap((kind, i) => {
    const at = match.indices?.[i + 1];
    const value = match[i + 1] ?? '';
    if (at === undefined || value === '' || !isSecret(value)) return [];
    if (kind === 'path') return componentsOf(value, at[0]);
    return kind === 'user' && !isName(value) ? [] : [{ start: at[0], end: at[1], kind }];
  });
}

/** The folders of the kernel's own source, from which on a path tells nothing of its user. */
const SOURCE_FOLDER =
  /^(?:arch|block|crypto|drivers|fs|include|init|io_uring|ipc|kernel|lib|mm|net|rust|samples|scripts|security|sound|tools|usr|virt)$/;

/** The components of the rest of a user's path, up to the kernel's source tree. */
function componentsOf(path: string, start: number): readonly Finding[] {
  const found: Finding[] = [];
  for (const { 0: name, index } of path.matchAll(/[^/\\]+/g)) {
    if (SOURCE_FOLDER.test(name)) break;
    found.push({ start: start + index, end: start + index + name.length, kind: 'path' });
  }
  return found;
}

/** Escapes of /dev/kmsg and of quoted text, between which words stand on their own. */
const ESCAPES = /\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|[nrt])/gi;

/** The text, and where it has escapes the same with blanks in their place. */
export function readings(text: string): readonly string[] {
  if (!text.includes('\\')) return [text];
  return [text, text.replace(ESCAPES, (signs) => ' '.repeat(signs.length))];
}
