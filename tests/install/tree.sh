#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` installs is complete, works from a folder unknown at build time, and
# programs can be built against it with pkg-config and CMake. tree.sh BUILD-FOLDER CONSUMER-SOURCE-FOLDER
set -eu
build=$1 consumer=$2
work=$(mktemp -d "${TMPDIR:-/tmp}/aep-install.XXXXXX")
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/moved here"
prefix="$work/moved here"

missing=0
for name in include/aep/aep.h libaep.so libaep.a pkgconfig/aep.pc cmake/aep/aepConfig.cmake bin/aep \
    libexec/aep/aep-relay libexec/aep/aep-topics libexec/aep/aep-tracker libexec/aep/aep-executions \
    share/man/man1/aep.1 share/man/man1/aep-publish.1 \
    share/bash-completion/completions/aep share/zsh/site-functions/_aep \
    share/aep/schemas/started.json share/aep/schemas/progress.json \
    share/aep/schemas/completed.json share/aep/schemas/failed.json \
    share/aep/claude-code/.claude-plugin/plugin.json share/aep/claude-code/.claude-plugin/marketplace.json \
    share/aep/claude-code/hooks/hooks.json \
    share/aep/systemd/aep-relay.service; do
    [ -n "$(find "$prefix" -path "*/$name")" ] || { echo "not installed: $name"; missing=1; }
done
[ $missing = 0 ]

export AEP_MODE=local AEP_SPOOL_DIR="$work/spool"
unset LD_LIBRARY_PATH || true
"$prefix/bin/aep" publish started --agent install-test --request moved >/dev/null
"$prefix/bin/aep" tail | grep -q install-test
grep -q '"command": "aep", "args": \["hook", "claude-code"\]' "$prefix/share/aep/claude-code/hooks/hooks.json"
"$prefix/bin/aep" schema started | grep -q '"\$schema"'

pc=$(dirname "$(find "$prefix" -name aep.pc)")
lib=$(dirname "$(find "$prefix" -name libaep.so)")
version=$("$prefix/bin/aep" --version | sed 's/^aep //')
PKG_CONFIG_PATH="$pc" pkg-config --exists --print-errors "aep = $version"
(
    cd "$work"
    ln -s "$prefix" plain # pkg-config does not quote
    pc=$(dirname "$(find plain/ -name aep.pc)")
    # shellcheck disable=SC2046
    cc -o by-pkgconfig "$consumer/consumer.c" $(PKG_CONFIG_PATH=$PWD/$pc pkg-config --cflags --libs aep)
    LD_LIBRARY_PATH=$lib ./by-pkgconfig
)
# Ninja: make, the default of cmake's, need not be there.
cmake -G Ninja -S "$consumer" -B "$work/consumer" -DCMAKE_PREFIX_PATH="$prefix" \
    -DAEP_WANTED="$version" >/dev/null
cmake --build "$work/consumer" >/dev/null
"$work/consumer/shared"
"$work/consumer/static"
[ "$("$prefix/bin/aep" tail | grep -c install-consumer)" = 3 ]
