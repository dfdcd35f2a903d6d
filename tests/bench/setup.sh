#!/bin/bash
# What the bench needs beyond make deps: the peers' Python packages, and FFTW as a ruler. As root on Debian installs what
# is missing; elsewhere says so, and run.py leaves out the peers that cannot be imported.
packages="python3-numpy python3-scipy python3-h5py python3-mpi4py python3-dask libfftw3-dev"
missing=()
for p in $packages; do
    [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$p" 2>/dev/null)" = "ii " ] || missing+=("$p")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "bench: installing ${missing[*]}" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null 2>&1
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null 2>&1 && exit 0
fi
echo "bench: not installed: ${missing[*]}; peers that need them are left out" >&2
exit 0
