#!/bin/bash
# millrace under mpirun, each rank on cores of its own: a workstation, or hosts without a scheduler.
#
#   jobs/millrace.sh CONFIG [-s KEY=VALUE]...
#   RANKS=4 THREADS=8 HOSTFILE=hosts jobs/millrace.sh CONFIG
#   timeout --preserve-status -s USR1 3600 jobs/millrace.sh CONFIG    an hour, then status 75; run again
#
# environment: RANKS (default one for every 8 cores), THREADS of a rank (default cores / RANKS on one
# host), HOSTFILE, MILLRACE (default build/millrace here, else millrace in PATH), MPIRUN (mpirun)
set -u
here=$(cd "$(dirname "$0")/.." && pwd)
mpirun=${MPIRUN:-mpirun}
millrace=${MILLRACE:-$here/build/millrace}
[ -x "$millrace" ] || millrace=$(command -v millrace) || {
    echo "millrace.sh: there is no build/millrace (make builds it) and none in PATH" >&2
    exit 2
}
[ $# -gt 0 ] || {
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

cores=$(nproc)
ranks=${RANKS:-$(((cores + 7) / 8))}
threads=${THREADS:-$((cores / ranks))}
[ "$threads" -ge 1 ] || threads=1
export OMP_NUM_THREADS=$threads
args=(-n "$ranks")

if "$mpirun" --version 2>/dev/null | grep -q 'Open MPI'; then
    if [ -n "${HOSTFILE:-}" ] || [ $((ranks * threads)) -le "$cores" ]; then
        args+=(--map-by "slot:PE=$threads" --bind-to core)
    else # more threads than cores: let them share, and let none of them spin
        args+=(--bind-to none --oversubscribe)
        export OMP_WAIT_POLICY=passive
    fi
    [ -z "${HOSTFILE:-}" ] || args+=(--hostfile "$HOSTFILE")
    # a host that is lost ends the run within half a minute instead of eight
    args+=(--mca oob_tcp_keepalive_time 10 --mca oob_tcp_keepalive_intvl 2
        --mca oob_tcp_keepalive_probes 4)
    if [ "$(id -u)" -eq 0 ]; then # in containers; Open MPI refuses otherwise
        export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    fi
    if [ -z "${HOSTFILE:-}" ] && ! command -v ssh >/dev/null && ! command -v rsh >/dev/null; then
        args+=(--mca plm isolated) # otherwise even a local start looks for ssh
    fi
elif [ -n "${HOSTFILE:-}" ]; then
    args+=(-f "$HOSTFILE") # MPICH and its kin
fi
exec "$mpirun" "${args[@]}" "$millrace" run "$@"
