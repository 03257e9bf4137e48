# SPDX-License-Identifier: Apache-2.0
"""An installed tree of a test's own, whose programs are replaced on disk while they run, as apt, pip and
cmake --install do it."""
import os
import pathlib
import re
import shutil
import subprocess


def install(program, folder):
    """Copies aep and the programs that it runs; returns the path of that aep."""
    source, tree = pathlib.Path(program).resolve().parents[1], pathlib.Path(folder)
    for part in ("bin/aep", "libexec/aep"):
        (tree / part).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (source / part).is_dir() else shutil.copy2)(source / part, tree / part)
    return tree / "bin/aep"


def version_of(program):
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return re.search(r"\d+\.\d+\.\d+", said)[0]


def rebuild(program, number):
    """Makes another build of a program beside it, of a version of its own; returns its path and version. Only
    the first digit differs: what follows may be the end of other texts, too. A library's version, as in
    ZLIB_1.2.0, stays."""
    old = version_of(program).encode()
    new = b"%d" % (number % 9 + 1) + old[1:]
    other = pathlib.Path(f"{program}.dpkg-new")
    other.write_bytes(re.sub(rb"(?<!\w)" + re.escape(old + b"\0"), new + b"\0", pathlib.Path(program).read_bytes()))
    other.chmod(0o755)
    return other, new.decode()


def replace(program, number):
    """Puts another build in a program's place, by a rename; returns its version."""
    other, version = rebuild(program, number)
    os.replace(other, program)
    return version


def replace_by_text(program, text):
    other = pathlib.Path(f"{program}.dpkg-new")
    other.write_text(text)
    other.chmod(0o755)
    os.replace(other, program)


def break_library(program):
    """Lets a program need a librdkafka that is not installed."""
    path = pathlib.Path(program)
    whole = path.read_bytes()
    assert b"\0librdkafka.so.1\0" in whole, f"{program} is not linked to librdkafka.so.1"
    path.write_bytes(whole.replace(b"\0librdkafka.so.1\0", b"\0librdkafka.so.0\0"))
