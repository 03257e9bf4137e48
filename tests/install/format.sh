#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The C code is as clang-format 14 (Debian 12's; others differ) leaves it. format.sh SOURCE-FOLDER
set -eu
cd "$1"
find apps bench examples include python/ext src tests \( -name '*.[ch]' -o -name '*.cpp' \) -print0 |
    xargs -0 clang-format-14 --dry-run -Werror
