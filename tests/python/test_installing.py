# SPDX-License-Identifier: Apache-2.0
"""What has to be installed, and the messages that say so if it is not."""
import importlib
import importlib.metadata
import os
import pathlib
import re
import subprocess
import sys
import types

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
ADAPTERS = {"langchain": ("langchain_core", "langchain-core"), "crewai": ("crewai", "crewai>=1.15"),
            "openai_agents": ("agents.tracing", "openai-agents"),
            "claude_agent_sdk": ("claude_agent_sdk", "claude-agent-sdk>=0.2"), "ag2": ("ag2", "ag2>=1.0")}


def import_adapter(monkeypatch, name):
    monkeypatch.delitem(sys.modules, f"aep.adapters.{name}", raising=False)
    return importlib.import_module(f"aep.adapters.{name}")


def test_every_adapter_is_looked_at():
    import aep.adapters
    [folder] = aep.adapters.__path__
    modules = {path.stem for path in pathlib.Path(folder).glob("*.py")}
    assert modules - {"__init__", "framework", "parked", "runs"} == set(ADAPTERS)


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_without_its_framework_says_what_to_install(monkeypatch, name):
    module, requirement = ADAPTERS[name]
    monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    with pytest.raises(ModuleNotFoundError) as caught:
        import_adapter(monkeypatch, name)
    assert str(caught.value).startswith(f"aep.adapters.{name} needs {requirement} ")
    assert str(caught.value).endswith(f": pip install '{requirement}'")
    assert caught.value.name.startswith(module.partition(".")[0])


def test_an_adapter_with_a_framework_of_another_version_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "langchain_core", types.ModuleType("langchain_core"))
    monkeypatch.setitem(sys.modules, "langchain_core.callbacks", types.ModuleType("langchain_core.callbacks"))
    with pytest.raises(ImportError, match="needs langchain-core .*BaseCallbackHandler.*: pip install") as caught:
        import_adapter(monkeypatch, "langchain")
    assert isinstance(caught.value.__cause__, ImportError)


@pytest.mark.parametrize("requirement", [name for _, name in ADAPTERS.values()])
def test_what_it_says_is_what_the_package_asks_for(requirement):
    assert f'["{requirement}"]' in (SOURCE / "pyproject.toml").read_text()


@pytest.mark.parametrize("stranger", [None, "version = '0.1.5'\n"], ids=["no aep", "another aep"])
def test_the_drop_in_without_our_aep_says_what_to_install(tmp_path, stranger):
    if stranger:
        (tmp_path / "aep.py").write_text(stranger)
    else:
        (tmp_path / "aep.py").write_text("raise ModuleNotFoundError(\"No module named 'aep'\")\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import agents.lib.agent_execution_publisher"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("ImportError: ") and "pip install ." in done.stderr


def test_module_packages_and_command_have_the_version_of_the_header():
    import aep
    header = (SOURCE / "include/aep/aep.h").read_text()
    [version] = re.findall(r'^#define AEP_VERSION "(.+)"$', header, re.MULTILINE)
    command = subprocess.run([os.environ["AEP_TEST_PROGRAM"], "--version"], capture_output=True, text=True)
    assert command.stdout == f"aep {version}\n"
    assert aep.__version__ == version
    for package in "aep", "aep-omniclaude":
        assert importlib.metadata.version(package) == version


def test_no_program_is_looked_for_in_the_folder_of_the_build():
    import aep._aep
    for file in aep._aep.__file__, os.environ["AEP_TEST_PROGRAM"]:
        places = set(re.findall(rb"[\w./-]*/libexec/aep\b", pathlib.Path(file).read_bytes()))
        assert {place for place in places if place.startswith(b"/")} == {b"/usr/libexec/aep"}


def asked_of_pip(text):
    """What the commands in a text install with pip."""
    for arguments in re.findall(r"pip install ([^\n#`()]*)", text):
        yield from (word.strip("\"'") for word in arguments.split())
    for names in re.findall(r"^dependencies = \[(.*?)\]", text, re.MULTILINE | re.DOTALL):
        yield from re.findall(r"\"(.*?)\"", names)


def test_nobody_is_sent_to_anothers_project():
    """aep on PyPI is another project: no document or dependency may fetch it."""
    asked = [(str(path), name)
             for pattern in ("*.md", "docs/**/*.md", "*.toml", "examples/**/*.py", "python/**/*.py", "python/**/*.toml",
                             "python/**/*.md", "examples/**/*.md")
             for path in SOURCE.glob(pattern) for name in asked_of_pip(path.read_text())]
    assert len([name for _, name in asked if name == "." or name.startswith((".[", "./"))]) > 8
    assert [(path, name) for path, name in asked if re.match(r"aep\b", name)] == []
