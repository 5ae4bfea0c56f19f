// The public API: events, the model, runs and replays, bisection. Everything is data and pure
// functions; files are read and written by the caller.

// Bisection: the first violating event and what it goes back to, the stimuli, the release, the difference
// to a good run that make it bad, what would have changed it, the same under other kernels.
export { type Between, bisectBetween } from './bisect/between.ts';
export { type Cause, causesOf } from './bisect/causes.ts';
export { firstViolation } from './bisect/first-violation.ts';
export { byCheck, byQuestion, byViolation, byWhen, type Judge } from './bisect/judge.ts';
export { bisectKernels, type KernelBisection } from './bisect/kernels.ts';
export type { BisectOutcome, Found } from './bisect/outcome.ts';
export type { Parting } from './bisect/parting.ts';
export { isSameRun, whereRunsPart } from './bisect/parting.ts';
export { parseQuestion, type Question } from './bisect/question.ts';
export { scanStates } from './bisect/scan.ts';
export { searchPrefixes } from './bisect/search.ts';
export { bisectStimuli, type StimulusBisection } from './bisect/stimuli.ts';
export { verifyViolation } from './bisect/verify.ts';
export { whatChanges } from './bisect/what-changes.ts';
export { whatIf } from './bisect/whatif.ts';
export { parseWhen, type When } from './bisect/when.ts';
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
// Exploration: all schedules of a scenario, or one by chance.
export type { Exploration, ExploreOptions } from './explore/explore.ts';
export { explore } from './explore/explore.ts';
export type { StrategySpec } from './explore/strategy.ts';
export { chooserOf, parseStrategy } from './explore/strategy.ts';
// Fuzzing: arbitrary machines, kernels and steps, and inputs of runs by number.
export { someChoices } from './fuzz/any-choices.ts';
export { aFaulty } from './fuzz/any-faults.ts';
export { ANY_RELEASE, aKernel, type KernelChoice } from './fuzz/any-kernel.ts';
export { aMachine } from './fuzz/any-machine.ts';
export { someSteps } from './fuzz/any-steps.ts';
export { createDraw, type DrawOptions, SIZE_MAX, sizeOfRun, someInputs } from './fuzz/draw.ts';
export { type Dice, drawn } from './fuzz/drawn.ts';
export { type KnownBug, knownBugOf, knownBugs, type Recalled, recall } from './fuzz/recall.ts';
export { type Stats, statsOf } from './fuzz/stats.ts';
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
// Reproducers: what a run breaks as a script, a scenario, a report.
export { scenarioText } from './report/export/as-scenario.ts';
export type { Finding } from './report/export/finding.ts';
export { findingOf, spreadOf } from './report/export/finding.ts';
export { mailText } from './report/export/mail.ts';
export { shellScript } from './report/export/shell.ts';
export { parseScenario } from './scenario/parse.ts';
export { printScenario } from './scenario/print.ts';
export type { Scenario } from './scenario/scenario.ts';
export { readSession, type Session } from './verify/session.ts';
export { type Verdict, verifySession } from './verify/verify.ts';
