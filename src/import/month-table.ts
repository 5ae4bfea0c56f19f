/**
 * How months begin in stamps that dmesg and journalctl print by the user's locale. Of several that fit the
 * longest counts.
 */
const MONTH_STARTS: readonly (readonly string[])[] = [
  ['jan', 'jän', 'janv', 'ene', 'gen', 'янв', 'січ', 'sty', 'led', 'oca', 'ιαν', 'tammi', '1月'],
  ['feb', 'fév', 'fev', 'fevr', 'фев', 'лют', 'lut', 'úno', 'şub', 'φεβ', 'helmi', '2月'],
  ['mar', 'mär', 'mrt', 'maa', 'már', 'мар', 'бер', 'bře', 'μαρ', 'maalis', '3月'],
  ['apr', 'avr', 'abr', 'ápr', 'апр', 'кві', 'kwi', 'dub', 'nis', 'απρ', 'huhti', '4月'],
  [
    'may',
    'mai',
    'mag',
    'mei',
    'maj',
    'máj',
    'май',
    'мая',
    'тра',
    'kvě',
    'μαΐ',
    'μαι',
    'touko',
    '5月',
  ],
  ['jun', 'juin', 'giu', 'jún', 'июн', 'чер', 'cze', 'čvn', 'čen', 'haz', 'ιουν', 'kesä', '6月'],
  ['jul', 'juil', 'lug', 'júl', 'июл', 'лип', 'lip', 'čvc', 'čec', 'tem', 'ιουλ', 'heinä', '7月'],
  ['aug', 'aoû', 'aou', 'ago', 'авг', 'сер', 'sie', 'srp', 'ağu', 'αυγ', 'elo', '8月'],
  ['sep', 'set', 'szept', 'сен', 'вер', 'wrz', 'zář', 'eyl', 'σεπ', 'syys', '9月'],
  ['oct', 'okt', 'ott', 'out', 'окт', 'жов', 'paź', 'říj', 'eki', 'οκτ', 'loka', '10月'],
  ['nov', 'ноя', 'лис', 'lis', 'kas', 'νοε', 'marras', '11月'],
  ['dec', 'déc', 'dez', 'des', 'dic', 'дек', 'гру', 'gru', 'pro', 'ara', 'δεκ', 'joulu', '12月'],
];

const STARTS = MONTH_STARTS.flatMap((starts, month) =>
  starts.map((start) => ({ start, month })),
).sort((a, b) => b.start.length - a.start.length);

/** 0 for January, in any of some twenty languages; -1 for what is no month. */
export function monthOf(name: string): number {
  const lower = name.toLowerCase();
  return STARTS.find(({ start }) => lower.startsWith(start))?.month ?? -1;
}
