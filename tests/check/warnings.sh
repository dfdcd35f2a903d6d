#!/bin/bash
# No warning from gcc or clang with the flags of the Makefile.
set -e
for cc in gcc clang; do
    make --no-print-directory -s -j"${JOBS:-2}" B=build/check-$cc CFLAGS="-O1" EXTRA=-Werror \
        MPICC="env OMPI_CC=$cc MPICH_CC=$cc ${MPICC:-mpicc}" all unitbin
done
