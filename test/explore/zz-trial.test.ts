import fc from 'fast-check';
import { aSmallSystem, bruteForce } from '/work/wt/explore/test/explore/systems.ts';
import { explore } from '/work/wt/explore/src/explore/explore.ts';
import { it } from 'vitest';
it('trial', () => {
  const n = Number(process.env.N ?? 300), seed = Number(process.env.SEED ?? 1), most = Number(process.env.MOST ?? 2000);
  let used=0, skipped=0, errs=0, bad=0, inter=0, walked=0, cut=0, multi=0, viol=0; let tb=0, tp=0; let sched=0, kinds=new Set<string>();
  for (const inputs of fc.sample(aSmallSystem, { numRuns: n, seed })) {
    let t0=performance.now();
    let truth; try { truth = bruteForce(inputs, most); } catch(e) { errs++; kinds.add(String(e.message).slice(0,80)); continue; }
    tb+=performance.now()-t0;
    if (truth===null) { skipped++; continue; }
    if (truth.schedules<2) continue;
    used++;
    t0=performance.now();
    const g = explore(inputs, { strategy: { kind: 'por' } });
    let r = g.next(); while(!r.done) r=g.next();
    tp+=performance.now()-t0;
    const e = r.value;
    inter+=truth.schedules; walked+=e.walked; cut+=e.cut; sched+=e.schedules;
    if (truth.finals.size>1) multi++;
    if (truth.violations.size) viol++;
    const f1=[...truth.finals].sort().join(), f2=[...e.finals].sort().join();
    const v1=[...truth.violations].sort().join(), v2=e.found.map(f=>f.violation.invariant+' '+f.violation.subject).sort().join();
    if (f1!==f2||v1!==v2) { bad++; if (bad<=Number(process.env.SHOW ?? 3)) console.log('DIFF', truth.schedules, e.walked, truth.finals.size, e.finals.size, v1, '|', v2, JSON.stringify(inputs.stimuli), JSON.stringify(inputs.machine.devices.slice(1)), JSON.stringify(inputs.machine.drivers.slice(1).map(d=>[d.name,d.ids,d.module,d.probe_type,d.outcome,d.outcomes]))); }
  }
  console.log({used,skipped,errs,bad,inter,walked,cut,sched,multi,viol,tb:Math.round(tb),tp:Math.round(tp)}, kinds);
}, 1e6);
