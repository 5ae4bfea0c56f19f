import type { Change } from '../bisect/rerun.ts';
import { type EvidenceFile, readEvidence } from '../import/evidence-file.ts';
import { readSource } from './read-source.ts';

const BYTES_MAX = 256 * 1024 ** 2;

/** The text of a file that was given beside a log. */
export interface EvidenceText {
  readonly file: string;
  readonly text: string;
}

/**
 * Reads the files of `--evidence`, gzipped or not. What is no UTF-8 becomes U+FFFD.
 *
 * @throws ReprobeError as `readSource` does.
 */
export async function readEvidenceTexts(
  paths: readonly string[],
): Promise<readonly EvidenceText[]> {
  const texts: EvidenceText[] = [];
  for (const path of paths) {
    const { file, bytes } = await readSource(path, BYTES_MAX);
    texts.push({ file, text: new TextDecoder().decode(bytes) });
  }
  return texts;
}

/** What the files are, told by their content. */
export function evidenceIn(texts: readonly EvidenceText[]): readonly EvidenceFile[] {
  return texts.map(({ text, file }) => readEvidence(text, file));
}

/** The change with the options of configurations among the files, below those that flags set. */
export function withConfigs(change: Change, files: readonly EvidenceFile[]): Change {
  const configs = files.flatMap((one) => (one.kind === 'config' ? [one.config] : []));
  if (configs.length === 0) return change;
  return { ...change, config: Object.assign({}, ...configs, change.config) };
}
