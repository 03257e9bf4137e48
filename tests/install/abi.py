#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A program that was built against the last release works with this library: libabigail compares it with
the baseline of that release. CONTRIBUTING.md says what may change. abi.py LIBRARY SOURCE-FOLDER"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

library, source = sys.argv[1], pathlib.Path(sys.argv[2])
baseline = source / "packaging/abi/libaep0.abi"


def skip(reason):
    print("skipped:", reason)
    sys.exit(77)


def read(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def compare(now, *options):
    """What abidiff says of it and the baseline; its status: 4 changed, 12 surely broken."""
    done = subprocess.run(["abidiff", *options, baseline, now], stdout=subprocess.PIPE, text=True)
    return done.returncode, done.stdout


def structs(tree):
    return {struct.get("name"): struct for struct in tree.iter("class-decl") if struct.get("size-in-bits")}


def without_growth(now):
    """Cuts the structs that begin with their size, and may therefore grow, to the size they had:
    src/base/sized.h. What then differs has moved, or lies in what was padding."""
    header = (source / "include/aep/aep.h").read_text()
    sized = set(re.findall(r"^#define AEP_\w+_INIT AEP_INIT\((\w+)\)$", header, re.M))
    assert sized, "no structs with a size found in aep.h"
    tree = xml.parse(now)
    ours, theirs = structs(tree), structs(xml.parse(baseline))
    for name in theirs.keys() & sized:
        size = theirs[name].get("size-in-bits")
        for member in list(ours.get(name, ())):
            if int(member.get("layout-offset-in-bits")) >= int(size):
                ours[name].remove(member)
                ours[name].set("size-in-bits", size)
    cut = now.with_suffix(".cut")
    tree.write(cut)
    return cut


if not shutil.which("abidiff"):
    skip("no abidiff here; script/setup test installs it")
if "X86-64" not in read("readelf", "--file-header", library):
    skip("the baseline is of amd64")
if ".debug_info" not in read("readelf", "--sections", library):
    skip("the library was built without -g: its types cannot be seen")
with tempfile.TemporaryDirectory() as work:
    now = pathlib.Path(work) / "now.abi"
    now.write_text(read(source / "packaging/abi/dump", library))
    broken, _ = compare(without_growth(now), "--no-added-syms")
    changed, report = compare(now, "--harmless")
    if broken:
        print(report, "This breaks programs that were built against the last release. Take it back, or make a",
              "libaep.so.1: see CONTRIBUTING.md, \"The library's interface\".", sep="\n")
    elif changed:
        print(report, "Since the last release this has changed; programs that were built against it run on.",
              "packaging/abi/dump says how a release takes it in.", sep="\n")
    sys.exit(1 if broken or changed & ~4 else 0)
