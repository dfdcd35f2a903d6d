#!/bin/bash
# A Slurm of one's own on the hosts of hosts.sh: munged and slurmctld on the hub, a slurmd on each host.
# No systemd, nothing in /etc; it ends with the hosts. All state is under DIR/slurm.
#
#   slurm.sh start DIR N CPUS     N hosts that claim to have CPUS each
#   slurm.sh on DIR CMD...        sbatch, squeue, ... there
#   slurm.sh can                  status 0 when all programs are here, else which is not
#
# A requeued job starts again after REQUEUE_S (at least 5, the default; Slurm's own is 120): it waits
# until its old credentials have expired, and cred_expire sets for how long they are good.
set -u
tools=$(dirname "$(readlink -f "$0")")
requeue_s=${REQUEUE_S:-5}

die() {
    echo "slurm.sh: $*" >&2
    [ -n "${d:-}" ] && tail -n 5 "$d"/log/*.log >&2
    exit 2
}

can() {
    local tool
    for tool in munged munge slurmctld slurmd sbatch srun scontrol; do
        command -v $tool >/dev/null || { echo "no $tool (slurm-wlm, munge)"; return 1; }
    done
}

conf() { # conf N CPUS
    local i
    cat <<C
ClusterName=millrace
SlurmctldHost=hub(10.77.0.254)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$d/munge.socket,cred_expire=$requeue_s
CredType=cred/munge
StateSaveLocation=$d/state
SlurmdSpoolDir=$d/spool/%n
TmpFS=$d/tmp/%n
SlurmctldPidFile=$d/slurmctld.pid
SlurmdPidFile=$d/slurmd.%n.pid
SlurmctldLogFile=$d/log/slurmctld.log
SlurmdLogFile=$d/log/slurmd.%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0
ReturnToService=2
KillWait=3
InactiveLimit=0
JobRequeue=1
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
MailProg=/bin/true
C
    for ((i = 1; i <= $1; i++)); do
        echo "NodeName=n$i NodeAddr=10.77.0.$i CPUs=$2 RealMemory=64000 State=UNKNOWN"
    done
    echo "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP"
}

await() { # await SECONDS CMD...
    local i n=$(($1 * 20))
    shift
    for ((i = 0; i < n; i++)); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.05
    done
    return 1
}

munge_answers() { munge -n -S "$d/munge.socket" | unmunge -S "$d/munge.socket"; }
nodes_up() { [ "$(sinfo -h -N -o %T | grep -c idle)" = "$1" ]; }

# on the hub
start_inside() { # start_inside DIR N CPUS
    local i
    d=$1/slurm
    mkdir -p "$d"/{log,state,spool,tmp} || die "cannot write $d"
    chmod 755 "$1" "$d"
    export SLURM_CONF=$d/slurm.conf
    conf "$2" "$3" >"$SLURM_CONF"
    head -c 1024 /dev/urandom >"$d/munge.key"
    chmod 600 "$d/munge.key"
    munged --force --key-file="$d/munge.key" --socket="$d/munge.socket" \
        --pid-file="$d/munged.pid" --log-file="$d/log/munged.log" --seed-file="$d/munge.seed" ||
        die "munged does not start"
    await 5 munge_answers || die "munged does not answer"
    slurmctld || die "slurmctld does not start"
    for ((i = 1; i <= $2; i++)); do
        mkdir -p "$d/spool/n$i" "$d/tmp/n$i"
        nsenter -t "$(cat "$1/pid$i")" --net --uts --mount slurmd -N "n$i" || die "slurmd of n$i"
    done
    await 20 nodes_up "$2" || die "the nodes do not come up"
}

case ${1:-} in
can) can ;;
start) "$tools/hosts.sh" on "$2" 0 "$0" inside "$2" "$3" "$4" ;;
inside) start_inside "$2" "$3" "$4" ;;
on)
    dir=$2
    shift 2
    exec "$tools/hosts.sh" on "$dir" 0 env SLURM_CONF="$dir/slurm/slurm.conf" "$@"
    ;;
*) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
