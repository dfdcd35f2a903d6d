#!/bin/bash
# cppcheck's errors, warnings and portability notes. What it gets wrong stands below with a reason.
# mem.c: the memory is given away through a void pointer, which cppcheck does not follow.
# quantity.c: own[] is filled up to the count that the reading loop uses.
cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 \
    --suppress=missingIncludeSystem --suppress=memleak:src/base/mem.c \
    --suppress=uninitvar:src/base/quantity.c \
    -j "${JOBS:-2}" -Isrc -DMR_CAIRO=1 -DMR_PNG=1 -DMR_LIBDEFLATE=1 -DMR_UV=1 -DMR_SODIUM=1 -DMR_HTTP=1 src
