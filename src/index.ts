// The public API: events, the model, runs and replays, bisection. Everything is data and pure
// functions; files are read and written by the caller.

// Bisection: the first violating event, what would have changed it, the same under other kernels.
export { firstViolation } from './bisect/first-violation.ts';
export type { BisectOutcome, Found } from './bisect/outcome.ts';
export { searchPrefixes } from './bisect/search.ts';
export { verifyViolation } from './bisect/verify.ts';
export { whatChanges } from './bisect/what-changes.ts';
export { whatIf } from './bisect/whatif.ts';
// Replay: runs, states at any event, invariants, logs, scenarios.
export type { Change as StateChange } from './engine/diff.ts';
export { diffStates } from './engine/diff.ts';
export type { History } from './engine/history.ts';
export { createHistory, foldAll, stateAfter } from './engine/history.ts';
export type { Run, RunOptions, System } from './engine/run.ts';
export { createRun, runAll } from './engine/run.ts';
export type { TaskEnd } from './engine/tasks.ts';
export type { ErrorPlace, ReprobeErrorCode } from './error.ts';
export { ReprobeError, renderError } from './error.ts';
// Events: the vocabulary, traces and their files.
export { describeEvent, describeRecorded } from './events/describe.ts';
export type {
  EventMap,
  EventOf,
  EventType,
  KernelEvent,
  Origin,
  Recorded,
} from './events/event.ts';
export type {
  BootStep,
  DeviceSpec,
  DriverSpec,
  IommuKind,
  KernelSpec,
  Machine,
  ModuleSpec,
  PciFunction,
} from './events/machine.ts';
export type { Stimulus } from './events/stimulus.ts';
export { describeStimulus } from './events/stimulus.ts';
export type { Table } from './events/table.ts';
export type { DomainType, PrintkLevel } from './events/terms.ts';
export type { Trace, TraceHeader, TraceSource } from './events/trace.ts';
export { readTrace, writeTrace } from './events/trace-file.ts';
export type { EvidenceFile } from './import/evidence-file.ts';
export { readEvidence } from './import/evidence-file.ts';
export type { Imported, ImportOptions } from './import/import.ts';
export { importLog } from './import/import.ts';
export { findInvariant, INVARIANTS } from './invariants/all.ts';
export { checkTrace, createChecker } from './invariants/checker.ts';
export type { Invariant, Violation } from './invariants/invariant.ts';
export type { Device } from './model/state/driver-core-types.ts';
export type { Group } from './model/state/iommu-types.ts';
// Model: the state, its reducer, kernels and their patches.
export { reduce } from './model/state/reduce.ts';
export type { ReadState, State } from './model/state/state.ts';
export { initialState } from './model/state/state.ts';
export type { Patch } from './model/versions/patch.ts';
export { PATCHES, type PatchName } from './model/versions/patch-table.ts';
export { PROFILES, profileOf } from './model/versions/profile.ts';
export { parseScenario } from './scenario/parse.ts';
export { printScenario } from './scenario/print.ts';
export type { Scenario } from './scenario/scenario.ts';
export { readSession, type Session } from './verify/session.ts';
export { type Verdict, verifySession } from './verify/verify.ts';
