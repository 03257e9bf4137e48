#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Includes point downward (docs/ARCHITECTURE.md). layers.sh SOURCE-FOLDER
set -eu
cd "$1"
bad=0

# check ROOM ALLOWED...: files of src/ROOM include only their own room and those allowed
check() {
    room=$1
    shift
    for file in "src/$room"/*.[ch]; do
        [ -e "$file" ] || continue
        for seen in $(sed -n 's,^#include "\([a-z]*\)/.*,\1,p' "$file"); do
            case " $room aep $* " in
            *" $seen "*) ;;
            *) echo "$file includes $seen/, which is not below $room" && bad=1 ;;
            esac
        done
    done
}
check base
check config base
check event base config
check spool base
check client base config event spool
check relay base config spool event

for file in $(grep -rlE '#include *[<"].*rdkafka' src apps include || true); do
    case $file in
    src/relay/*) ;;
    *) echo "$file includes librdkafka, which is src/relay's alone" && bad=1 ;;
    esac
done
for file in python/ext/*.[ch]; do
    if grep -E '^#include *"' "$file" | grep -vE '"(aep/aep|aep_python|structmember)\.h"'; then
        echo "$file includes more of aep than its public header" && bad=1
    fi
done
exit $bad
