#!/bin/bash
# make check: each check in turn, all of them even when one fails; status 1 if any failed.
cd "$(dirname "$0")/../.." || exit 1
bad=0
for check in tests/check/*; do
    name=$(basename "$check")
    case $name in
    run.sh | *.supp) continue ;;
    *.py) cmd="${PYTHON:-python3} $check" ;;
    *.sh) cmd="bash $check" ;;
    *) continue ;;
    esac
    if out=$($cmd 2>&1); then
        echo "ok      $name"
    else
        echo "FAILED  $name"
        echo "$out" | sed 's/^/    /' | head -60
        bad=1
    fi
done
exit $bad
