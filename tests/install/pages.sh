#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The generated pages in docs/ are what the tables say now. pages.sh SOURCE-FOLDER BUILD-FOLDER
set -eu
"$2/bin/aep" config reference | diff -u "$1/docs/CONFIGURATION.md" - ||
    { echo "stale: $2/bin/aep config reference > docs/CONFIGURATION.md"; exit 1; }
diff -u "$1/docs/CLI.md" "$2/docs/CLI.md" ||
    { echo "stale: cp $2/docs/CLI.md docs/CLI.md"; exit 1; }
