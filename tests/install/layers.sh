#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Includes point downward (docs/ARCHITECTURE.md). layers.sh SOURCE-FOLDER
set -eu
cd "$1"
bad=0

# check FOLDER ALLOWED...: its files include only their own room, the public header and the rooms allowed
check() {
    folder=$1
    shift
    for file in "$folder"/*.[ch]; do
        [ -e "$file" ] || { echo "no files in $folder" && bad=1 && continue; }
        for seen in $(sed -n 's,^#include "\([a-z]*\)/.*,\1,p' "$file"); do
            case " ${folder##*/} aep $* " in
            *" $seen "*) ;;
            *) echo "$file includes $seen/, which is not below it" && bad=1 ;;
            esac
        done
    done
}
check src/base
check src/config base
check src/event base config
check src/spool base
check src/client base config event spool
check src/hook base config event spool client # a bridge: publishes as any program does
check src/hook/setup base hook # edits agents' settings: publishes nothing
check src/kafka base config
check src/upgrade base config # a program of ours, replaced on disk while it runs
check src/deliver base spool # the relay without its process: no loop, no server, no configuration
check src/relay base config spool event kafka deliver upgrade
check src/track base config event spool kafka # the tracker without its process; kafka: see below
check src/serve base config event spool track # HTTP over a store
check apps/aep base config event spool client hook upgrade # light: no Kafka, not even through the relay
check apps/aep-relay base config event spool client deliver relay upgrade
check apps/aep-doctor base config event spool client deliver relay kafka track upgrade
check apps/aep-tracker base config event spool client track serve upgrade
check apps/aep-executions base config event spool client track # reads the tracker's store: no Kafka
check apps/aep-topics base config event spool client kafka

# Within these rooms no two files need each other, directly or not: x.c and x.h count as one.
arrows() {
    for file in "$1"/*.[ch]; do
        from=${file%.[ch]}
        sed -n 's,^#include "\([a-z]*/[a-z0-9_]*\)\.h".*,src/\1,p' "$file" | while read -r to; do
            [ "$from" = "$to" ] || echo "$from $to"
        done
    done
}
for room in src/base src/client src/event src/kafka src/upgrade; do
    if ! circle=$(arrows $room | sort -u | tsort 2>&1 >/dev/null); then
        echo "files that include each other in a circle:"
        echo "$circle"
        bad=1
    fi
done

for file in $(grep -rlE '#include *[<"](.*rdkafka|kafka/(client|request)\.h)' src apps include || true); do
    case $file in
    src/kafka/* | src/relay/* | src/track/source_kafka*) ;;
    *) echo "$file includes librdkafka, which only src/kafka, src/relay and the tracker's source do" && bad=1 ;;
    esac
done
for file in $(grep -lE '#include *"kafka/' src/track/*.[ch] || true); do
    case $file in
    src/track/source_kafka*) ;;
    *) echo "$file includes kafka/, which only the tracker's source of Kafka does" && bad=1 ;;
    esac
done
for file in $(grep -rlE '#include *[<"](.*sqlite3|track/store_sqlite)\.h' src apps include || true); do
    case $file in
    src/track/store_sqlite*) ;;
    *) echo "$file includes SQLite, which only the store in src/track does" && bad=1 ;;
    esac
done
for file in $(grep -rlE '#include *[<"](.*libpq|track/store_postgres).*\.h' src apps include || true); do
    case $file in
    src/track/store_postgres*) ;;
    *) echo "$file includes libpq, which only the store in src/track does" && bad=1 ;;
    esac
done
for file in $(grep -rlE '#include *[<"](microhttpd|zlib)\.h' src apps include || true); do
    case $file in
    src/serve/*) ;;
    *) echo "$file includes libmicrohttpd or zlib, which only src/serve does" && bad=1 ;;
    esac
done
for file in $(grep -rlE '#include *[<"](n?curses|term)\.h' src apps include || true); do
    case $file in
    apps/aep-executions/screen.c) ;;
    *) echo "$file includes ncurses, which only the screen of aep-executions does" && bad=1 ;;
    esac
done
for file in python/ext/*.[ch]; do
    if grep -E '^#include *"' "$file" | grep -vE '"(aep/aep|aep_python|structmember)\.h"'; then
        echo "$file includes more of aep than its public header" && bad=1
    fi
done
exit $bad
