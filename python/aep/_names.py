# SPDX-License-Identifier: Apache-2.0
"""Keyword arguments that a call does not have, and which one was meant."""


def unknown_keyword(call, name, names):
    """The text of a TypeError."""
    from difflib import get_close_matches
    near = get_close_matches(name, names, 1)
    hint = f"did you mean '{near[0]}'?" if near else f"it takes {', '.join(names)}"
    return f"{call}() got an unexpected keyword argument '{name}'; {hint}"
