# SPDX-License-Identifier: Apache-2.0
"""Executions as blocks: each ends by itself, a nested one is a child, an exception makes it fail.

    KAFKA_BOOTSTRAP_SERVERS=localhost:9092 python execution.py      or, without Kafka: AEP_MODE=local
"""
import aep


def read_page(publisher, number):
    with publisher.execution("page-reader", f"Read page {number}") as run:
        if number == 3:
            raise LookupError("there is no page 3")
        run.complete(result_summary=f"page {number} has been read", metrics={"words": 250})


with aep.Publisher() as publisher:
    with publisher.execution("reviewer", "Review the report", context={"pages": 3}) as run:
        for number in (1, 2, 3):
            run.progress(steps_completed=number - 1, steps_total=3)
            try:
                read_page(publisher, number)
            except LookupError as error:
                print(f"continuing without: {error}")
    print(run.correlation_id, publisher.flush(timeout=10))
