#!/bin/bash
# What the build and the tests need. As root on Debian or Ubuntu: installs what is missing, by name where
# the release has it and by its successor where not. Elsewhere: looks for each library and tool, says
# exactly what is missing and how to get it. What the build needs is installed apart from what tests wish:
# a wish that this release cannot fulfil is named, blocks nothing, and its tests are skipped.
# usage: deps.sh build|all|torture     environment: MPICC HDF5_DIR CAIRO PNG DEFLATE UV SODIUM HTTP
# status: 0 all that is needed is there, 2 something is missing
set -u
what=${1:-all}
MPICC=${MPICC:-mpicc}

# a|b: the first that this release knows
build_packages="gcc libc6-dev make pkg-config|pkgconf openmpi-bin libopenmpi-dev libhdf5-dev zlib1g-dev libyaml-dev
libjansson-dev libxxhash-dev"
[ "${CAIRO:-1}" = 1 ] && build_packages+=" libcairo2-dev fonts-dejavu-core"
[ "${PNG:-1}" = 1 ] && build_packages+=" libpng-dev"
[ "${DEFLATE:-1}" = 1 ] && build_packages+=" libdeflate-dev"
[ "${UV:-1}" = 1 ] && build_packages+=" libuv1-dev"
[ "${SODIUM:-1}" = 1 ] && build_packages+=" libsodium-dev"
[ "${HTTP:-1}" = 1 ] && build_packages+=" libmicrohttpd-dev"
test_packages="libcmocka-dev python3 python3-pytest python3-numpy python3-scipy python3-h5py"
wishes="python3-pytest-timeout python3-xarray python3-netcdf4 python3-h5netcdf python3-yaml hdf5-tools netcdf-bin procps
clang clang-format libclang-rt-VERSION-dev libomp-dev cppcheck slurm-wlm munge iproute2 strace libfftw3-dev"
[ "$what" = torture ] && wishes+=" valgrind"

# --- root on a Debian system: let apt do it ----------------------------------------------------------
installed() { [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null)" = "ii " ]; }
known() { apt-cache policy "$1" 2>/dev/null | grep -q '^ *Candidate: [^(]'; }

# the name that a wish has in this release: itself, its successor, or for llvm that of the default clang
named() {
    local p
    case $1 in
    *VERSION*)
        p=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9][0-9]*\)$/\1/p' | head -1)
        echo "${1/VERSION/${p:-of-no-version}}"
        ;;
    *)
        for p in ${1//|/ }; do
            if installed "$p" || known "$p"; then echo "$p" && return; fi
        done
        echo "${1%%|*}"
        ;;
    esac
}

missing() { # PACKAGES... : those that are not installed, by their names here
    local p name
    for p in "$@"; do
        name=$(named "$p")
        installed "$name" || echo "$name"
    done
}

updated=
apt_install() { # PACKAGES...
    local log status
    log=$(mktemp)
    apt-get install -y -qq --no-install-recommends "$@" >"$log" 2>&1
    status=$?
    [ $status -eq 0 ] || tail -20 "$log" >&2
    rm -f "$log"
    return $status
}

update_once() {
    [ -n "$updated" ] && return
    updated=1
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null 2>&1 || echo "deps: apt-get update failed; going on with the lists that are here" >&2
}

need() { # WHAT-FOR PACKAGES... : all of them, or status 1
    local list for=$1
    shift
    # shellcheck disable=SC2046
    [ -z "$(missing "$@")" ] && return 0
    update_once
    list=$(missing "$@")
    echo "deps: installing for $for:" $list
    # shellcheck disable=SC2086
    apt_install $list
}

wish() { # PACKAGES... : as many as there are
    local p list=() unknown=()
    [ -z "$(missing "$@")" ] && return 0
    update_once
    for p in $(missing "$@"); do
        if known "$p"; then list+=("$p"); else unknown+=("$p"); fi
    done
    if [ ${#list[@]} -gt 0 ]; then
        echo "deps: installing for tests:" "${list[@]}"
        if ! apt_install "${list[@]}" 2>/dev/null; then # one that cannot be had must not take others with it
            for p in "${list[@]}"; do apt_install "$p" 2>/dev/null || unknown+=("$p"); done
        fi
    fi
    [ ${#unknown[@]} -eq 0 ] || echo "deps: not to be had here, tests that need it are skipped: ${unknown[*]}"
    return 0
}

install_packages() {
    # shellcheck disable=SC2086
    need "the build" $build_packages || return 1
    [ "$what" = build ] && return 0
    # shellcheck disable=SC2086
    need tests $test_packages || return 1
    # shellcheck disable=SC2086
    wish $wishes
}

# --- anywhere: look for each thing --------------------------------------------------------------------
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
needed=() unseen=() optional=() for_tests=()

has_tool() { command -v "${1%% *}" >/dev/null 2>&1; }

# compiles HEADER FLAGS... : is the header there, and does it link?
compiles() {
    local header=$1
    shift
    printf '#include <stddef.h>\n#include <stdint.h>\n#include <stdarg.h>\n#include <setjmp.h>\n#include <stdio.h>\n#include <%s>\nint main(void){return 0;}\n' \
        "$header" >"$work/t.c"
    $MPICC -o "$work/t" "$work/t.c" "$@" >"$work/log" 2>&1
}

# library PACKAGE-CONFIG-NAME HEADER FLAGS-WITHOUT-PKG-CONFIG
library() {
    local flags
    flags=$(pkg-config --cflags --libs $1 2>/dev/null) || flags=$3
    compiles "$2" $flags
}

look_hdf5() {
    local p flags
    if [ -n "${HDF5_DIR:-}" ]; then
        compiles hdf5.h -I"$HDF5_DIR/include" -L"$HDF5_DIR/lib" -lhdf5_hl -lhdf5
        return
    fi
    for p in hdf5-serial hdf5; do
        flags=$(pkg-config --cflags --libs $p 2>/dev/null) && compiles hdf5.h $flags && return 0
    done
    compiles hdf5.h -lhdf5_hl -lhdf5
}

look() {
    if ! has_tool pkg-config; then needed+=("pkg-config"); fi
    if ! has_tool "$MPICC" || ! compiles mpi.h; then
        needed+=("mpi")
        MPICC=$(command -v cc || command -v gcc || command -v clang || echo cc)
        if ! has_tool "$MPICC"; then
            needed+=("cc")
            unseen=(hdf5 zlib libyaml jansson xxhash)
            return
        fi
    fi
    has_tool mpirun || needed+=("mpirun")
    look_hdf5 || needed+=("hdf5")
    library zlib zlib.h -lz || needed+=("zlib")
    library yaml-0.1 yaml.h -lyaml || needed+=("libyaml")
    library jansson jansson.h -ljansson || needed+=("jansson")
    library libxxhash xxhash.h -lxxhash || needed+=("xxhash")
    if [ "${CAIRO:-1}" = 1 ]; then library cairo cairo.h "-I/usr/include/cairo -lcairo" || optional+=("cairo"); fi
    if [ "${PNG:-1}" = 1 ]; then library libpng png.h -lpng || optional+=("libpng"); fi
    if [ "${DEFLATE:-1}" = 1 ]; then
        library libdeflate libdeflate.h -ldeflate || optional+=("libdeflate")
    fi
    if [ "${UV:-1}" = 1 ]; then library libuv uv.h -luv || optional+=("libuv"); fi
    if [ "${SODIUM:-1}" = 1 ]; then library libsodium sodium.h -lsodium || optional+=("libsodium"); fi
    if [ "${HTTP:-1}" = 1 ]; then
        library libmicrohttpd microhttpd.h -lmicrohttpd || optional+=("libmicrohttpd")
    fi
    if [ "$what" != build ]; then look_tests; fi
}

look_tests() {
    local m py=/usr/bin/python3
    [ -x $py ] || py=python3
    compiles cmocka.h -lcmocka || for_tests+=("cmocka")
    has_tool $py || { for_tests+=("python3"); return; }
    for m in pytest numpy scipy h5py; do
        $py -c "import $m" >/dev/null 2>&1 || for_tests+=("python3:$m")
    done
}

hint() { # names in each system, one line a thing
    case $1 in
    cc)         echo "C compiler      |gcc libc6-dev           |gcc glibc-devel  |gcc            |c-compiler   |gcc" ;;
    pkg-config) echo "pkg-config      |pkg-config              |pkgconf-pkg-config|pkgconf       |pkg-config   |pkgconf" ;;
    mpi)        echo "MPI-3 (mpicc)   |openmpi-bin libopenmpi-dev|openmpi-devel  |openmpi        |openmpi      |openmpi" ;;
    mpirun)     echo "mpirun          |openmpi-bin             |openmpi          |openmpi        |openmpi      |openmpi" ;;
    hdf5)       echo "HDF5 >= 1.10    |libhdf5-dev             |hdf5-devel       |hdf5~mpi+hl    |hdf5         |hdf5" ;;
    zlib)       echo "zlib            |zlib1g-dev              |zlib-devel       |zlib           |zlib         |zlib" ;;
    libyaml)    echo "libyaml         |libyaml-dev             |libyaml-devel    |libyaml        |yaml         |libyaml" ;;
    jansson)    echo "jansson         |libjansson-dev          |jansson-devel    |jansson        |jansson      |jansson" ;;
    xxhash)     echo "xxHash          |libxxhash-dev           |xxhash-devel     |xxhash         |xxhash       |xxhash" ;;
    cairo)      echo "cairo           |libcairo2-dev           |cairo-devel      |cairo          |cairo        |cairo" ;;
    libpng)     echo "libpng          |libpng-dev              |libpng-devel     |libpng         |libpng       |libpng" ;;
    libdeflate) echo "libdeflate      |libdeflate-dev          |libdeflate-devel |libdeflate     |libdeflate   |libdeflate" ;;
    libuv)      echo "libuv           |libuv1-dev              |libuv-devel      |libuv          |libuv        |libuv" ;;
    libsodium)  echo "libsodium       |libsodium-dev           |libsodium-devel  |libsodium      |libsodium    |libsodium" ;;
    libmicrohttpd) echo "libmicrohttpd   |libmicrohttpd-dev       |libmicrohttpd-devel|libmicrohttpd|libmicrohttpd|libmicrohttpd" ;;
    cmocka)     echo "cmocka          |libcmocka-dev           |libcmocka-devel  |cmocka         |cmocka       |cmocka" ;;
    python3)    echo "Python 3        |python3                 |python3          |python         |python       |python" ;;
    python3:*)  local m=${1#*:}
                echo "Python $m|python3-$m|python3-$m|py-$m|$m|py-$m" ;;
    esac
}

say() { # WHY NAMES...
    local why=$1 n row
    shift
    [ $# -eq 0 ] && return
    echo "$why"
    printf '  %-18s %-28s %-20s %-16s %-14s %s\n' "" Debian RHEL/Fedora Spack conda-forge "module (name may differ)"
    for n in "$@"; do
        IFS='|' read -r -a row <<<"$(hint "$n")"
        printf '  %-18s %-28s %-20s %-16s %-14s %s\n' "${row[@]// /$'\x01'}" | tr '\001' ' '
    done
}

report() {
    say "deps: MISSING, needed to build:" ${needed[@]+"${needed[@]}"}
    say "deps: also needed, but cannot be looked for without a compiler:" ${unseen[@]+"${unseen[@]}"}
    say "deps: missing, optional (CAIRO=0: pictures as PNG with plain letters only; PNG=0 beside it: none; DEFLATE=0: slower zlib instead; UV=0, SODIUM=0: no stop, pause, watch; HTTP=0: no live page; or install):" \
        ${optional[@]+"${optional[@]}"}
    say "deps: missing, needed only to test:" ${for_tests[@]+"${for_tests[@]}"}
    [ ${#needed[@]} -eq 0 ] && [ ${#optional[@]} -eq 0 ] && [ ${#for_tests[@]} -eq 0 ] && return 0
    echo "how:  Debian  apt-get install NAME...        (make deps as root does it)"
    echo "      RHEL    dnf install epel-release; dnf --enablerepo=crb install NAME...; module load mpi"
    echo "      Spack   spack install NAME...; spack load NAME..."
    echo "      conda   conda create -n millrace -c conda-forge NAME... ; conda activate millrace"
    echo "      modules module spider NAME; module load NAME"
    echo "then: make [MPICC=mpicc] [HDF5_DIR=/prefix of HDF5] [CAIRO=0] [PNG=0] [DEFLATE=0] [UV=0] [SODIUM=0] [HTTP=0]"
    return 2
}

if [ "$(id -u)" = 0 ] && has_tool apt-get && has_tool dpkg-query && [ -z "${HDF5_DIR:-}" ] &&
    [ "$MPICC" = mpicc ]; then
    install_packages && exit 0
    echo "deps: apt-get could not install everything" >&2
fi
look
report
