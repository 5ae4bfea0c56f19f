// The least an oclif CLI can be: the yardstick for start-up.
import { execute } from '@oclif/core';

await execute({
  dir: import.meta.url,
  loadOptions: { root: new URL('.', import.meta.url).pathname },
});
