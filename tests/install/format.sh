#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The C code is as clang-format 14 (Debian 12's; others differ) leaves it. format.sh SOURCE-FOLDER
set -eu
cd "$1"
command -v clang-format-14 >/dev/null || {
    echo "skipped: clang-format-14 is not installed; later versions format differently"
    exit 77
}
find apps bench examples include python/ext src tests \( -name '*.[ch]' -o -name '*.cpp' \) -print0 |
    xargs -0 clang-format-14 --dry-run -Werror
