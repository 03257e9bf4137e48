# SPDX-License-Identifier: Apache-2.0
"""What an adapter imports from its framework, or an ImportError that says what to install."""
import contextlib


@contextlib.contextmanager
def needed(adapter, requirement):
    """Around an adapter's imports. requirement: what pip installs."""
    try:
        yield
    except ImportError as error:
        raise type(error)(f"aep.adapters.{adapter} needs {requirement} ({error}): "
                          f"pip install '{requirement}'", name=error.name, path=error.path) from error
