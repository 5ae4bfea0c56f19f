/** What the model knows of a kernel patch. */

/** One commit, or a series with one effect, and what it changes. */
export interface Patch {
  /** Commit id in mainline, abbreviated; null where it was never determined. */
  readonly commit: string | null;
  readonly subject: string;
  /** First mainline release with it; null for a proposal that was never merged. */
  readonly landed: string | null;
  /** First mainline release without it again. */
  readonly until?: string;
  /**
   * Older series that took it too: `6.1.53` is the first stable release with it, `6.5` a series of
   * which that release was not determined.
   */
  readonly stable: readonly string[];
  readonly before: string;
  readonly after: string;
  /** The scenario, by the name of its file, whose run it changes. */
  readonly scenario: string;
}
