# SPDX-License-Identifier: Apache-2.0
"""Unknown keyword arguments, and which one was probably meant."""


def unknown_keyword(call, name, names):
    """The text of a TypeError."""
    from difflib import get_close_matches
    near = get_close_matches(name, names, 1)
    hint = f"did you mean '{near[0]}'?" if near else f"it takes {', '.join(names)}"
    return f"{call}() got an unexpected keyword argument '{name}'; {hint}"
