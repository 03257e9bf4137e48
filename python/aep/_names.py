# SPDX-License-Identifier: Apache-2.0
"""Unknown keyword arguments, and which one was probably meant."""

SLIP = 0.8  # how alike two names are that differ by a slip; "duration" and "causation_id" have 0.6


def meant(name, names):
    """The name that differs by a slip, else the first that has it as a part; None if none does."""
    from difflib import get_close_matches
    near = get_close_matches(name, names, 1, SLIP)
    near += [whole for whole in names if f"_{name}_" in f"_{whole}_"]
    return near[0] if near else None


def unknown_keyword(call, name, names):
    """The text of a TypeError."""
    near = meant(name, names)
    hint = f"did you mean '{near}'?" if near else f"it takes {', '.join(names)}"
    return f"{call}() got an unexpected keyword argument '{name}'; {hint}"
