"""`import embedmig` costs nothing, and each of its names is there when it is asked for."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import types

import pytest
from helpers import ROOT, script

import embedmig


def test_the_names_are_a_sorted_list_without_doubles() -> None:
    assert embedmig.__all__ == sorted(set(embedmig.__all__))


@pytest.mark.parametrize("name", embedmig.__all__)
def test_each_name_is_there_and_says_what_it_is(name: str) -> None:
    assert getattr(embedmig, name).__module__.startswith("embedmig.")
    assert getattr(embedmig, name).__name__ == name
    assert getattr(embedmig, name).__doc__


def test_each_name_loads_whatever_was_loaded_before() -> None:
    done = script(
        """
        import sys, embedmig
        for name in embedmig.__all__:
            for module in [m for m in sys.modules if m.startswith("embedmig.")]:
                del sys.modules[module]
            vars(embedmig).pop(name, None)
            assert getattr(embedmig, name).__name__ == name
        print("loaded", len(embedmig.__all__))
        """
    )
    assert done.stdout == f"loaded {len(embedmig.__all__)}\n"


def test_every_name_can_be_imported_by_from_and_by_star() -> None:
    done = script("from embedmig import *; from embedmig import Migrator as M; print(Migrator is M, sorted(dir())[0])")
    assert done.stdout == "True Applied\n"


def test_dir_shows_every_name_before_it_is_loaded() -> None:
    done = script(
        "import embedmig; print(set(embedmig.__all__) <= set(dir(embedmig)), dir(embedmig) == sorted(dir(embedmig)))"
    )
    assert done.stdout == "True True\n"


def test_an_unknown_name_is_an_ordinary_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"^module 'embedmig' has no attribute 'migrate'$"):
        _ = embedmig.migrate
    assert not hasattr(embedmig, "Ledger")
    with pytest.raises(ImportError):
        exec("from embedmig import Ledger")


def test_submodules_are_found_by_import_alone() -> None:
    done = script(
        """
        import embedmig
        assert not hasattr(embedmig, "plan")
        import embedmig.plan
        assert embedmig.plan.pending
        """
    )
    assert done.returncode == 0


def test_importing_embedmig_alone_loads_none_of_it() -> None:
    done = script(
        """
        import sys
        import embedmig
        print(sorted(m for m in sys.modules if m.partition(".")[0] == "embedmig"))
        """
    )
    assert done.stdout == "['embedmig']\n"


def test_a_name_loads_no_more_than_its_own_module() -> None:
    done = script(
        """
        import sys
        from embedmig import DatabaseTooNew
        print(sorted(m for m in sys.modules if m.startswith("embedmig.")))
        """
    )
    assert done.stdout == "['embedmig.errors']\n"


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse((ROOT / "embedmig" / "__init__.py").read_text(encoding="utf-8"))
    under = next(node for node in tree.body if isinstance(node, ast.If))
    assert ast.unparse(under.test) == "TYPE_CHECKING"
    seen = [alias.name for node in under.body for alias in node.names]
    assert sorted(seen) == embedmig.__all__


def test_every_error_and_every_value_is_public() -> None:
    from embedmig import errors, migration, report

    for module in (errors, migration, report):
        for name, found in vars(module).items():
            if isinstance(found, type) and found.__module__ == module.__name__ and name != "Value":
                assert name in embedmig.__all__


def test_no_public_name_is_a_module() -> None:
    assert not any(isinstance(getattr(embedmig, name), types.ModuleType) for name in embedmig.__all__)


def test_the_version_is_the_packages() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+(?:[a-z]+\d+)?", embedmig.__version__)
    assert importlib.metadata.version("embedmig") == embedmig.__version__
