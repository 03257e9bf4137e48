# SPDX-License-Identifier: Apache-2.0
"""Adapters that publish a framework's runs: openai_agents, langchain (and LangGraph), crewai,
claude_agent_sdk,
ag2.

Import each module by name; only then is its framework imported.
"""
