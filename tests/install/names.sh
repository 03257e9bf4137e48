#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# No struct or enum of ours has a public name with one underscore more: only a reader who counts
# could tell aep__event from aep_event. names.sh SOURCE-FOLDER
set -eu
cd "$1"
bad=0
types=$(grep -rhoE '^(struct|enum) aep__[a-z0-9_]+ \{' src apps | sed 's/.* aep__\(.*\) {/\1/' | sort -u)
[ -n "$types" ] || { echo "no types found" && exit 1; }
for name in $types; do
    if grep -qw "aep_$name" include/aep/aep.h; then
        echo "aep__$name and the public aep_$name differ by one underscore: call ours by another noun"
        bad=1
    fi
done
exit $bad
