import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** Rooms on which no run of given inputs depends. */
const OTHERS = ['commands', 'explain', 'index', 'report', 'verify'];

/**
 * A short name of the emulator's own code: campaigns are gone on with by the code that began them, as
 * any other makes other runs. Cost: reads some hundred files, 2 MB.
 */
export async function modelVersion(): Promise<string> {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const files = (await readdir(root, { recursive: true }))
    .filter((file) => /(?<!\.d)\.[jt]s$/.test(file))
    .filter((file) => !OTHERS.includes(file.replace(/[/\\.].*$/, '')))
    .sort();
  const hash = createHash('sha256');
  const texts = await Promise.all(files.map((file) => readFile(`${root}/${file}`)));
  for (const [i, text] of texts.entries()) hash.update(`${files[i]} ${text.length}\n`).update(text);
  return hash.digest('hex').slice(0, 16);
}
