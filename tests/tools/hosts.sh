#!/bin/bash
# Several "hosts" on this machine: each has a network, a name and a /dev/shm of its own; a bridge joins
# them. All of it lives in namespaces below one process, so that nothing of the machine itself changes
# and everything is gone when that process ends.
#
#   hosts.sh run DIR N          hosts n1 .. nN, and "hub" that holds the bridge; stays in the
#                               foreground until its standard input ends. DIR/ready says it is up
#   hosts.sh on DIR H CMD...    run CMD on host H (0: the hub)
#   hosts.sh mpirun DIR H,H.. SLOTS ARGS...   Open MPI's mpirun on the first of the hosts, ranks on all
#   hosts.sh cut DIR H          take the cable out of host H; hosts.sh heal DIR H puts it back
#   hosts.sh can                status 0 when this machine allows all that, else why not
#
# Needs root, iproute2 and util-linux. The file system is shared, as on a cluster.
set -u
me=$(readlink -f "$0")
net=10.77.0

die() {
    echo "hosts.sh: $*" >&2
    exit 2
}

can() {
    local tool
    [ "$(id -u)" = 0 ] || { echo "needs root"; return 1; }
    for tool in ip unshare nsenter; do
        command -v $tool >/dev/null || { echo "no $tool (iproute2, util-linux)"; return 1; }
    done
    unshare --pid --fork --mount --net --uts --mount-proc \
        sh -c 'ip link add br0 type bridge && ip link add name v1 type veth peer name w1 &&
               mount -t tmpfs -o size=1m none /dev/shm' 2>/dev/null ||
        { echo "no network namespaces here"; return 1; }
}

# --- first process of the namespaces -------------------------------------------------------------------

inside() { # inside DIR N
    local dir=$1 n=$2 i pid
    hostname hub
    {
        echo "127.0.0.1 localhost"
        echo "$net.254 hub"
        for ((i = 1; i <= n; i++)); do echo "$net.$i n$i"; done
    } >"$dir/hosts"
    mount --bind "$dir/hosts" /etc/hosts || die "mount"
    ip link set lo up
    ip link add br0 type bridge && ip addr add $net.254/24 dev br0 && ip link set br0 up || die "bridge"
    for ((i = 1; i <= n; i++)); do
        unshare --net --uts --mount sh -c "hostname n$i && mount -t tmpfs -o size=2g shm /dev/shm &&
            ip link set lo up && echo >'$dir/born$i' && exec sleep infinity" </dev/null &
        pid=$!
        until [ -e "$dir/born$i" ]; do
            kill -0 $pid 2>/dev/null || die "host n$i"
            sleep 0.02
        done
        echo $pid >"$dir/pid$i"
        ip link add "v$i" type veth peer name eth0 netns $pid && ip link set "v$i" master br0 up &&
            nsenter -t $pid --net sh -c "ip addr add $net.$i/24 dev eth0; ip link set eth0 up" ||
            die "network of n$i"
    done
    echo 1 >"$dir/pid0"
    touch "$dir/ready"
    cat >/dev/null # until whoever wanted the hosts is gone
}

run() { # run DIR N
    mkdir -p "$1/tmp" || die "cannot write $1"
    rm -f "$1"/born* "$1"/pid* "$1/ready"
    echo $$ >"$1/outer" # unshare keeps this number; the first process inside is its child
    cat >"$1/agent" <<A
#!/bin/sh
# Open MPI's remote shell: agent HOST COMMAND
h=\${1#n}; shift
exec nsenter -t "\$(cat '$1/pid'\$h)" --net --uts --mount /bin/sh -c "\$*"
A
    chmod +x "$1/agent"
    exec unshare --pid --fork --kill-child=KILL --mount --net --uts --mount-proc \
        "$me" inside "$1" "$2"
}

answers() { # answers ADDRESS: a port that nobody listens at is refused, so packets come and go
    timeout 1 bash -c "exec 3<>/dev/tcp/$1/9" 2>&1 | grep -q refused
}
export -f answers

plug() { # plug DIR H: the others have given each other up meanwhile; wait until all answer again
    local i to
    ip link set "v$2" up
    for to in $(sed -n "s/ [hn].*//p" "$1/hosts"); do
        for ((i = 0; ; i++)); do
            nsenter -t "$(cat "$1/pid$2")" --net bash -c "answers $to" && break
            [ $i -lt 100 ] || die "n$2 does not reach $to again"
            sleep 0.1
        done
    done
}

# --- from outside --------------------------------------------------------------------------------------

enter() { # enter DIR H CMD... : replaces this process
    local dir=$1 host=$2 first stage=()
    shift 2
    first=$(pgrep -P "$(cat "$dir/outer")") || die "$dir is not up"
    [ "$host" = 0 ] || stage=(nsenter -t "$(cat "$dir/pid$host")" --net --uts --mount)
    exec env TMPDIR="$dir/tmp" OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
        nsenter -t "$first" --pid --net --uts --mount --wd="$PWD" -- ${stage[@]+"${stage[@]}"} "$@"
}

case ${1:-} in
can) can ;;
run) [ $# = 3 ] || die "run DIR N"; run "$2" "$3" ;;
inside) inside "$2" "$3" ;;
on) [ $# -ge 4 ] || die "on DIR H CMD..."; shift; enter "$@" ;;
cut) enter "$2" 0 ip link set "v$3" down ;;
heal) enter "$2" 0 "$me" plug "$2" "$3" ;;
plug) plug "$2" "$3" ;;
mpirun)
    dir=$2 list='' slots=$4
    for h in ${3//,/ }; do list+=",n$h:$slots"; done
    head=${3%%,*}
    shift 4
    enter "$dir" "$head" mpirun --host "${list#,}" --mca plm rsh --mca plm_rsh_agent "$dir/agent" \
        --mca btl_tcp_if_include eth0 --mca oob_tcp_if_include eth0 --bind-to none \
        --mca mpi_yield_when_idle 1 "$@" ;;
*) sed -n '2,16s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
