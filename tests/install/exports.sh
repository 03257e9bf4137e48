#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The shared library exports what the public header declares and nothing else, and Debian's symbols file
# lists that, each with the release that it came with. exports.sh LIBRARY HEADER SYMBOLS-FILE
set -eu
library=$1 header=$2 symbols=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

# same FILE WORD FILE WORD: two sorted lists have the same lines
same() {
    comm -23 "$1" "$3" | sed "s/^/$2, not $4: /" >"$work/differ"
    comm -13 "$1" "$3" | sed "s/^/$4, not $2: /" >>"$work/differ"
    [ -s "$work/differ" ] || return 0
    cat "$work/differ"
    bad=1
}

# "NAME RELEASE": the text above a declaration ends with the release, "Since 0.1".
awk '/Since [0-9]/ { since = $0; sub(/.*Since /, "", since); sub(/[^0-9.].*/, "", since) }
     /^AEP_API/ { open = 1 }
     open && match($0, /aep_[a-z0-9_]+\(/) { print substr($0, RSTART, RLENGTH - 1), (since ? since ".0" : "?"); open = 0; since = "" }' \
    "$header" | sort >"$work/since"
[ -s "$work/since" ] || { echo "no declarations found in $header"; exit 1; }
sed 's/ .*//' "$work/since" >"$work/declared"
nm -D --defined-only "$library" | awk '$2 != "A" { print $3 }' | sed 's/@.*//' | sort -u >"$work/exported"
same "$work/exported" exported "$work/declared" declared

# " NAME@NODE RELEASE", the node of the version script itself included
nm -D --defined-only "$library" | awk '{ print $3 }' | sed 's/@@/@/; /@/!s/.*/&@&/' | sort -u >"$work/nodes"
sed -n 's/^ \([^ ]*\) .*/\1/p' "$symbols" | sort >"$work/listed"
same "$work/nodes" exported "$work/listed" "in ${symbols##*/}"
sed -n 's/^ \(aep_[^@]*\)@[^ ]* /\1 /p' "$symbols" | sort >"$work/listed-since"
same "$work/since" "in aep.h" "$work/listed-since" "in ${symbols##*/}"
exit $bad
