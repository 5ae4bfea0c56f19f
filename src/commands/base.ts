import { Command } from '@oclif/core';
import { EXIT } from './exit.ts';
import { reportFailure } from './failure.ts';

/**
 * The base of every command: turns each failure into an exit code `git bisect run` understands, and
 * gives each command `--json`.
 *
 * A violation is not an error: set `process.exitCode = EXIT.violated` and return the outcome. Print
 * only after the input was validated. `run` returns the JSON document that `--json` prints; what
 * `this.log` prints is left out then.
 */
export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true;

  private interruptions = 0;
  private tellAll: () => void = () => {};
  /** Resolves when the command has told all it has to: what an interruption may wait for. */
  protected readonly told = new Promise<void>((resolve) => {
    this.tellAll = resolve;
  });
  private readonly onSignal = (): void => {
    void this.interrupt();
  };

  abstract override run(): Promise<object>;

  /**
   * Called when the user interrupts; the process exits with 130 after it. A command that runs long
   * saves what it found here, and lets the event loop turn at times, as no signal is seen otherwise.
   */
  protected async interrupted(): Promise<void> {}

  protected override async init(): Promise<void> {
    await super.init();
    process.on('SIGINT', this.onSignal);
  }

  protected override async finally(error: Error | undefined): Promise<void> {
    process.off('SIGINT', this.onSignal);
    await super.finally(error);
    // The document of --json comes after this.
    if (error !== undefined || !this.jsonEnabled()) this.tellAll();
  }

  protected override async catch(error: Error): Promise<void> {
    // Otherwise oclif warns that the arguments were not parsed, when parsing them is what failed.
    this.parsed = true;
    reportFailure(error, this.jsonEnabled());
  }

  protected override logJson(json: unknown): void {
    process.stdout.write(`${JSON.stringify(json, null, 2)}\n`);
    this.tellAll();
  }

  /** The first interruption saves, a second one does not wait for that. */
  private async interrupt(): Promise<void> {
    this.interruptions += 1;
    if (this.interruptions === 1) {
      try {
        await this.interrupted();
      } catch (error) {
        reportFailure(error, false);
      }
    }
    process.exit(EXIT.interrupted);
  }
}
