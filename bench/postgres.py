# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL of script/bench's own, and the store of a tracker in it."""
import contextlib
import pathlib
import time

from postgres_server import Server  # of tests
from process import cpu_s

TABLES = "executions", "events", "bodies"  # what is written for each event


class Postgres(Server):
    """The server of the distribution, in a folder of its own."""

    def cpu_s(self):
        """CPU seconds of the server so far, once it rests: a connection that ends is counted a little late."""
        before, now = -1, self.cpu_now_s()
        for _ in range(20):
            if now - before < 0.02:
                break
            time.sleep(0.5)
            before, now = now, self.cpu_now_s()
        return now

    def cpu_now_s(self):
        main = int(pathlib.Path(self.dir, "server/data/postmaster.pid").read_text().split()[0])
        ended = pathlib.Path(f"/proc/{main}/stat").read_text().rpartition(")")[2].split()[13:15]
        alive = pathlib.Path(f"/proc/{main}/task/{main}/children").read_text().split()
        total = sum(map(int, ended)) / 100
        for pid in (main, *map(int, alive)):
            with contextlib.suppress(OSError):  # it may have ended meanwhile
                total += cpu_s(pid)
        return total

    def drop(self):
        self.sql("DROP SCHEMA IF EXISTS aep CASCADE")
        self.sql("CHECKPOINT")

    def copy_s(self, table):
        """Seconds that COPY takes for the rows of a table, in binary, into one with the same indexes."""
        file = f"{self.dir}/server/data/rows"
        order = " ORDER BY key" if table == "executions" else ""
        self.sql(f"CREATE SCHEMA copy; CREATE TABLE copy.{table} (LIKE aep.{table} INCLUDING ALL);"
                 f"COPY (SELECT * FROM aep.{table}{order}) TO '{file}' (FORMAT binary)")
        begun = time.monotonic()
        self.sql(f"SET synchronous_commit = off; COPY copy.{table} FROM '{file}' (FORMAT binary)")
        took = time.monotonic() - begun
        self.sql(f"DROP SCHEMA copy CASCADE; COPY (SELECT) TO '{file}'")
        return took

    def floor(self, events):
        """Events a second when the same rows are only copied."""
        there = self.sql("SELECT relname FROM pg_class WHERE relnamespace = 'aep'::regnamespace").split()
        return events / sum(self.copy_s(table) for table in TABLES if table in there)
