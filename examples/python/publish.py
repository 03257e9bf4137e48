# SPDX-License-Identifier: Apache-2.0
"""The events of one run, published one by one; then a wait for Kafka's acknowledgement.

    KAFKA_BOOTSTRAP_SERVERS=localhost:9092 python publish.py      or, without Kafka: AEP_MODE=local
"""
import aep

AGENT = "agent-api-architect"

with aep.Publisher() as publisher:
    started = publisher.started(AGENT, "Design a REST API", context={"domain": "api_design"})
    publisher.progress(AGENT, started.correlation_id, progress_percent=50,
                       current_step="design the endpoints", metadata={"status": "working"})
    last = publisher.completed(AGENT, started.correlation_id, quality_score=0.92,
                               result_summary="an API of 12 endpoints", artifacts=["api.yaml"])
    # Each call returned with its event on disk. Wait only if you need to know that Kafka has it.
    print(started.correlation_id, publisher.wait(last, timeout=10))
