#!/bin/bash
# make demo: an archive from nothing, the main job on it with 2 ranks, verification, a picture.
# environment: MILLRACE (default build/millrace), DEMO_DIR (where data/ and out/ go, default here)
set -eu -o pipefail
cd "$(dirname "$0")/../.."
config=configs/decimate.yaml
millrace=${MILLRACE:-build/millrace}
if [ -n "${DEMO_DIR:-}" ]; then
    config=$PWD/$config
    millrace=$(realpath "$millrace")
    cd "$DEMO_DIR"
fi
log=out/demo.log

# Open MPI: as root, more ranks than cores, and no rank tied to one core. Other MPIs ignore these.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe PRTE_MCA_hwloc_default_binding_policy=none # 5
if ! command -v ssh >/dev/null && ! command -v rsh >/dev/null && [ -z "${SLURM_JOB_ID:-}" ]; then
    export OMPI_MCA_plm=isolated # otherwise even a local start looks for ssh
fi

number() { # SECTION FIELD of report.json
    sed -n "/\"$1\": *{/,/}/p" out/demo/report.json | grep -o "\"$2\": *[0-9.eE+-]*" | sed 's/.*: *//'
}
fail() {
    echo "demo: $1 (status $2)" >&2
    [ ! -s $log ] || cat $log >&2
    exit "$2"
}

rm -rf data/demo out/demo
mkdir -p data out
echo "== $millrace synth data/demo"
"$millrace" synth data/demo || fail "synth failed" $?
echo "== mpirun -n 2 $millrace run $config"
mpirun -n 2 "$millrace" run "$config" >$log || fail "run failed" $?
echo "== $millrace verify out/demo"
verified=$("$millrace" verify out/demo | tail -1) || fail "verify failed: $verified" $?
picture=out/demo.png
if ! seen=$("$millrace" view data/demo out/demo -o $picture --quiet \
    --title "Above: what the recorder wrote. Below: 1 to 45 Hz, every fifth sample." 2>&1); then
    case $seen in *PNG=0*) picture="none (built with CAIRO=0 PNG=0)" ;; *) fail "view failed: $seen" 4 ;; esac
fi

echo
line() { grep -m1 "^$1:" $log | sed -E "s/^$1: */$1: /"; }
line input
line did
line output
echo "picture: $picture"
awk -v b="$(number work raw_bytes)" -v n="$(number work samples)" -v s="$(number timing wall_s)" 'BEGIN {
    printf "speed: %.0f MB/s, %.0f Msamples/s\n", b / s / 1e6, n / s / 1e6 }'
echo "$verified"
