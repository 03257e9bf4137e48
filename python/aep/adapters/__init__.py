# SPDX-License-Identifier: Apache-2.0
"""What publishes a framework's runs: openai_agents, langchain (LangGraph too), crewai.

Each module is imported by its name, and only then imports its framework.
"""
