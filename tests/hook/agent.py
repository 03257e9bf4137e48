# SPDX-License-Identifier: Apache-2.0
"""A coding agent as far as its hooks see it: a process that runs what it is told to.

A line of JSON on standard input is a list of invocations to be made at the same time, each
[argv, bytes in base64 or null, variables]. A line comes back when all have ended: their exit
statuses and whatever they said.
"""
import base64
import json
import os
import subprocess
import sys


def start(argv, data, env):
    process = subprocess.Popen(argv, stdin=subprocess.PIPE if data is not None else subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env={**os.environ, **env})
    return process, data


def main():
    for line in sys.stdin:
        started = [start(argv, data, env) for argv, data, env in json.loads(line)]
        results = []
        for process, data in started:
            out, err = process.communicate(base64.b64decode(data) if data is not None else None)
            results.append([process.returncode, out.decode(errors="replace"),
                            err.decode(errors="replace")])
        print(json.dumps(results), flush=True)


main()
