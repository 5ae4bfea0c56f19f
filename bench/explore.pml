/*
 * Devices that are bound at once, in groups of an SMMU, with deferral: what bench/explore.js explores,
 * in Promela. One process a program that writes to drivers_probe; the steps are those at which the
 * emulated kernel can be left for another task. What only one process looks at is local to it, so that
 * Spin's own reduction can tell.
 *
 * spin -a -DDEVICES=6 -DGROUPS=6 -DDEFERRED=0 explore.pml; gcc -O2 -DSAFETY -DCOLLAPSE pan.c (or, without
 * partial-order reduction, -DNOREDUCE)
 */
#ifndef DEVICES
#define DEVICES 6
#endif
#ifndef GROUPS
#define GROUPS 6
#endif
#ifndef DEFERRED
#define DEFERRED 0
#endif

bit device_lock[DEVICES];
bit group_mutex[GROUPS];
byte owner_cnt[GROUPS];
bit bound[DEVICES];
bit refused[DEVICES];
byte pending[DEVICES];
byte trigger_count;
bit enable;
bit has_work;
byte programs;

inline lock(l) { atomic { !l -> l = 1 } }
inline unlock(l) { l = 0 }

inline trigger() {
  if
  :: enable ->
    d_step {
      trigger_count++;
      i = 0;
      do
      :: i < DEVICES -> if :: pending[i] == 1 -> pending[i] = 2 :: else fi; i++
      :: else -> break
      od;
      i = 0
    };
    has_work = 1
  :: else
  fi
}

inline probe(d, g) {
  matched = 1;
  before = trigger_count;
  probing = 1;
  started = 1;
  lock(group_mutex[g]);
  owner_cnt[g]++;
  unlock(group_mutex[g]);
  configured = 1;
  if
  :: d < DEFERRED && !refused[d] ->
    refused[d] = 1;
    configured = 0;
    lock(group_mutex[g]);
    owner_cnt[g]--;
    unlock(group_mutex[g]);
    started = 0;
    probing = 0;
    pending[d] = 1;
    if
    :: before != trigger_count -> trigger()
    :: else
    fi
  :: else ->
    probed = 1;
    bound[d] = 1;
    probing = 0;
    pending[d] = 0;
    trigger()
  fi
}

proctype program(byte d; byte g) {
  byte before;
  byte i;
  bit matched, probing, started, configured, probed;
  lock(device_lock[d]);
  if
  :: !bound[d] -> probe(d, g)
  :: else
  fi;
  matched = 0;
  configured = 0;
  probed = 0;
  unlock(device_lock[d]);
  programs++
}

proctype worker() {
  byte before;
  byte i;
  byte d;
  bit matched, probing, started, configured, probed;
  do
  :: has_work ->
    has_work = 0;
    d = 0;
    do
    :: d < DEVICES ->
      if
      :: pending[d] == 2 ->
        pending[d] = 0;
        lock(device_lock[d]);
        if
        :: !bound[d] -> probe(d, (d % GROUPS))
        :: else
        fi;
        matched = 0;
        configured = 0;
        probed = 0;
        started = 0;
        unlock(device_lock[d])
      :: else
      fi;
      d++
    :: else -> break
    od;
    d = 0
  :: !has_work -> break
  od
}

init {
  byte n = 0;
  byte i;
  atomic {
    do
    :: n < DEVICES -> run program(n, n % GROUPS); n++
    :: else -> break
    od
  };
  /* late_initcall: what was deferred is tried again. */
  (programs == DEVICES);
  enable = 1;
  trigger();
  run worker();
  /* owner_cnt-matches-users, once nothing is under way. */
  (_nr_pr == 1);
  d_step {
    n = 0;
    do
    :: n < DEVICES -> owner_cnt[n % GROUPS] = owner_cnt[n % GROUPS] - bound[n]; n++
    :: else -> break
    od;
    n = 0;
    do
    :: n < GROUPS -> assert(owner_cnt[n] == 0); n++
    :: else -> break
    od
  }
}
