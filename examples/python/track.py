# SPDX-License-Identifier: Apache-2.0
"""Functions whose calls are executions: plain ones, coroutines, generators.

    KAFKA_BOOTSTRAP_SERVERS=localhost:9092 python track.py      or, without Kafka: AEP_MODE=local
"""
import asyncio

import aep


@aep.track(agent_name="planner", user_request=lambda goal: f"Plan: {goal}")
async def plan(goal):
    steps = []
    for step in ideas(goal):
        await asyncio.sleep(0)
        steps.append(step)
        aep.current().progress(steps_completed=len(steps), current_step=step)
    return steps


@aep.track(agent_name="ideas")
def ideas(goal):
    """Thinks of steps."""
    for verb in ("design", "build", "test"):
        yield f"{verb} {goal}"


print(asyncio.run(plan("a bridge")))
