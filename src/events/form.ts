/** What a shape allows, as data: for who wants to know which fields there are before there is a value. */
export type Form =
  /** Text, a number or a flag. Words where it is one of these, never mind which others it may be. */
  | { readonly kind: 'value'; readonly words: readonly string[] | null }
  | { readonly kind: 'list'; readonly item: () => Form }
  /** From any name to values. */
  | { readonly kind: 'table'; readonly item: () => Form }
  | { readonly kind: 'fields'; readonly fields: Readonly<Record<string, () => Form>> }
  /** Objects told apart by the text in the field `tag`. */
  | {
      readonly kind: 'variants';
      readonly tag: string;
      readonly variants: Readonly<Record<string, () => Form>>;
    };

/** A value of which no more is known. */
export const PLAIN: Form = { kind: 'value', words: null };
