/** Messages to records: when they were printed, in which boot, and whether for the first time. */
import { createBootPlacer, type Timed } from './format-boot.ts';
import { createClock } from './format-clock.ts';
import type { Draft } from './format-drafts.ts';
import type { LogRecord } from './record.ts';

interface TimedDraft extends Timed {
  readonly draft: Draft;
  readonly timeUs: number | null;
}

export interface Recorder {
  push(draft: Draft): void;
  end(): void;
}

export function createRecorder(take: (record: LogRecord) => void): Recorder {
  const timeOf = createClock();
  const placer = createBootPlacer<TimedDraft>(({ draft, timeUs }, boot, replay) => {
    const { line, text } = draft;
    const { level, caller, subsystem, device } = draft.reading;
    take({ line, timeUs, level, caller, text, subsystem, device, boot, replay });
  });
  return {
    push(draft) {
      const { reading, text, afterBootNote } = draft;
      const timeUs = timeOf(reading);
      const bootTimeUs = reading.clock === 'kernel' ? timeUs : null;
      placer.push({ bootTimeUs, text, afterBootNote, draft, timeUs });
    },
    end: placer.end,
  };
}
