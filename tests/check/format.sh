#!/bin/bash
# .clang-format is the last word on how C is laid out.
git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror
