#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The version is written in the header alone, and the programs and plugin of a build have it.
# version.sh SOURCE-FOLDER BUILD-FOLDER
set -eu
header=$1/include/aep/aep.h
version=$(sed -n 's/^#define AEP_VERSION "\(.*\)"$/\1/p' "$header")
[ -n "$version" ] || { echo "no AEP_VERSION in $header"; exit 1; }

numbers=$(sed -n 's/^#define AEP_VERSION_[A-Z]* //p' "$header" | paste -sd .)
[ "$numbers" = "$version" ] || { echo "$header: AEP_VERSION is $version, its numbers are $numbers"; exit 1; }

# As a word: not 127.0.0.1:0, and no longer version around it.
pattern=$(echo "$version" | sed 's/\./\\./g')
if grep -rnIE "(^|[^0-9.])$pattern($|[^0-9.]|\.($|[^0-9]))" "$1" --exclude-dir=.git --exclude-dir=build \
    --exclude=.git --exclude=CHANGELOG.md --exclude=libaep0.symbols | grep -v "^$header:[0-9]*:#define AEP_VERSION "; then
    echo "the version is written here, too: the one place is AEP_VERSION in $header"
    exit 1
fi

# told WHAT SAID: the version that it says is this one.
told() {
    [ "$2" = "$version" ] || { echo "$1 says '$2', the header $version"; exit 1; }
}
told "aep --version" "$("$2/bin/aep" --version | sed 's/^aep //')"
told aep-relay "$("$2/libexec/aep/aep-relay" --version | sed 's/^aep-relay \([^,]*\),.*/\1/')"
told aep.pc "$(PKG_CONFIG_PATH=$2 pkg-config --modversion aep)"
told plugin.json "$(sed -n 's/^ *"version": "\(.*\)",$/\1/p' "$2/share/aep/claude-code/.claude-plugin/plugin.json")"
