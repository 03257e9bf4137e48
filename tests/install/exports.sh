#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The shared library exports what the public header declares and nothing else.
# exports.sh LIBRARY HEADER
set -eu
have=$(nm -D --defined-only "$1" | awk '$2 != "A" { print $3 }' | sed 's/@.*//' | sort -u)
want=$(sed -n '/^AEP_API/,/[;{]/p' "$2" | tr '\n' ' ' | grep -oE '\baep_[a-z_]+\(' | tr -d '(' | sort -u)
[ -n "$want" ] || { echo "no declarations found in $2"; exit 1; }
[ "$have" = "$want" ] && exit 0
echo "exported, not declared: $(printf '%s\n' "$have" | grep -vxF "$want" | tr '\n' ' ')"
echo "declared, not exported: $(printf '%s\n' "$want" | grep -vxF "$have" | tr '\n' ' ')"
exit 1
