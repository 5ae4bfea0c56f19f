#!/bin/sh
# A campaign as a Slurm array, each task one shard, and a last job that joins them:
#
#   id=$(sbatch --parsable --array=0-7 deploy/slurm-array.sh)
#   sbatch --dependency="afterany:$id" --wrap='reprobe merge campaign/shard-* --out findings'
#
# Slurm says which task of how many it is. A task that is requeued goes on where it was.
#SBATCH --job-name=reprobe-fuzz
#SBATCH --cpus-per-task=2
#SBATCH --mem=2G
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:INT@120

trap 'kill -INT "$child"; wait "$child"' INT TERM
reprobe fuzz --seed "${REPROBE_SEED:-1}" --runs "${REPROBE_RUNS:-10000000}" --shard auto --resume \
  --workers "${SLURM_CPUS_PER_TASK:-1}" --out "campaign/shard-$SLURM_ARRAY_TASK_ID" "$@" &
child=$!
wait "$child"
status=$?
# Findings (1) and "cannot tell" (125) are results, not failures of the task.
case $status in 0 | 1 | 125 | 130) exit 0 ;; *) exit "$status" ;; esac
