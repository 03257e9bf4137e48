# SPDX-License-Identifier: Apache-2.0
"""A crew of CrewAI whose runs become events; its model is a fake.

    pip install ".[crewai]"                              # in a clone: aep on PyPI is another project
    AEP_MODE=local python adapter_crewai.py && aep tail         # no Kafka; else KAFKA_BOOTSTRAP_SERVERS
"""
from crewai import Agent, BaseLLM, Crew, Task

import aep
from aep.adapters.crewai import AepEventListener


class Fake(BaseLLM):
    """A model of one's own does not tell of its calls; CrewAI's do, and are progress."""

    def call(self, messages, *args, **kwargs):
        return "Thought: I know.\nFinal Answer: Take an umbrella."


forecaster = Agent(role="forecaster", goal="Keep people dry.", backstory="It looks at the sky.",
                   llm=Fake(model="fake"))
task = Task(description="Do I need an umbrella in Oslo?", expected_output="Advice.", agent=forecaster)

with aep.Publisher() as publisher:
    listener = AepEventListener(publisher)
    print(Crew(name="forecast", agents=[forecaster], tasks=[task]).kickoff())
    listener.close()
