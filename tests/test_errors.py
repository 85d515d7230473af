"""The exception tree: what exits with which code, and what a missing part is told."""

from __future__ import annotations

import inspect

import pytest

from xret import errors


def test_tree_is_as_drawn() -> None:
    """The picture in the module's docstring is the tree."""
    parents = {
        "XretError": "Exception",
        "UsageError": "XretError",
        "InputError": "XretError",
        "CorpusError": "InputError",
        "VectorsError": "InputError",
        "ModelError": "InputError",
        "EvalError": "InputError",
        "UnreachableError": "InputError",
        "MismatchError": "XretError",
        "MissingExtraError": "XretError",
        "DeviceError": "XretError",
    }
    found = {
        name: value.__base__
        for name, value in vars(errors).items()
        if inspect.isclass(value) and value.__module__ == errors.__name__
    }
    assert {name: base.__name__ for name, base in found.items() if base is not None} == parents
    assert set(parents) | {"require"} == set(errors.__all__)
    assert all(name in (errors.__doc__ or "") for name in parents)


def test_exit_codes() -> None:
    codes = {getattr(errors, name).exit_code for name in errors.__all__ if name not in ("UsageError", "require")}
    assert codes == {1}
    assert errors.UsageError.exit_code == 2


def test_require() -> None:
    assert errors.require("json", extra="cpu", purpose="reading").__name__ == "json"
    with pytest.raises(errors.MissingExtraError) as caught:
        errors.require("no_such_module_xyz", extra="cpu", purpose="searching an index")
    assert str(caught.value).startswith("searching an index needs the Python module 'no_such_module_xyz', which cannot")
    assert str(caught.value).endswith("install it with: pip install 'xret[cpu]'")
