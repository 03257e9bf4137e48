# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL of a test's own, by script/postgres."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import urllib.parse

SCRIPT = pathlib.Path(__file__).resolve().parents[1] / "script/postgres"


class Server:
    """A server of the distribution, in a folder of its own."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="aep-postgres-")
        os.chmod(self.dir, 0o755)
        self.url = self.run("start")
        password = pathlib.Path(self.dir, "server/password").read_text()
        self.port = urllib.parse.urlsplit(self.url).port
        self.env = os.environ | {"PGPASSWORD": password}

    def run(self, *words):
        return subprocess.run([SCRIPT, *words, "--dir", os.path.join(self.dir, "server")],
                              stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

    def sql(self, text, database="postgres"):
        return subprocess.run(
            ["psql", "-qtAX", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port),
             "-U", "aep", database, "-c", text], env=self.env, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, check=True).stdout.strip()

    def database(self, name):
        """The URL of a new database."""
        self.sql(f'CREATE DATABASE "{name}"')
        return self.url.replace("/postgres?", f"/{name}?")

    def remove(self):
        self.run("stop", "--kill", "--purge")
        shutil.rmtree(self.dir, ignore_errors=True)
