#!/usr/bin/env node
// A module that cannot be loaded would make Node exit with 1, which means "a violation" here.
try {
  const { main } = await import('../dist/commands/main.js');
  await main(process.argv.slice(2), import.meta.url);
} catch (error) {
  console.error(`reprobe cannot start: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 128;
}
