#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# script/kafka refuses a port where another process listens, before it fetches or starts anything.
# usage: kafka_ports.sh SOURCE PYTHON
set -euo pipefail
work=$(mktemp -d)
listener=''
trap '[ -z "$listener" ] || kill "$listener"; rm -rf "$work"' EXIT

cat >"$work/listen.py" <<'END'
import os, signal, socket, sys
listener = socket.create_server(("127.0.0.1", 0))
with open(sys.argv[1] + ".new", "w") as file:
    print(listener.getsockname()[1], file=file)
os.rename(sys.argv[1] + ".new", sys.argv[1])
signal.pause()
END
"$2" "$work/listen.py" "$work/port" &
listener=$!
until [ -s "$work/port" ]; do
    kill -0 "$listener"
    sleep 0.05
done
port=$(cat "$work/port")

refused() { # OPTION...: what it says is in $work/said
    if XDG_CACHE_HOME=$work/cache "$1/script/kafka" start --dir "$work/broker" "${@:2}" \
        >"$work/out" 2>"$work/said"; then
        echo "not refused: ${*:2}" && exit 1
    fi
    [ ! -s "$work/out" ] || { cat "$work/out" && exit 1; }
}

for option in --port --controller-port --secure-port; do
    refused "$1" "$option" "$port"
    grep -q "port $port is taken by another process" "$work/said" || { cat "$work/said" && exit 1; }
done
[ ! -e "$work/broker/pid" ] && [ ! -e "$work/broker/data" ] && [ ! -e "$work/cache" ]

# One that exists keeps its ports: another is refused, and so is its own where a stranger listens.
echo "$port 2 3" >"$work/broker/ports"
echo 4.1.1 >"$work/broker/version"
refused "$1" --port 1
grep -q "has the plain port $port, not 1" "$work/said" || { cat "$work/said" && exit 1; }
refused "$1"
grep -q "port $port is taken by another process" "$work/said" || { cat "$work/said" && exit 1; }
