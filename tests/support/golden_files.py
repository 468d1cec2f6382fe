"""Outputs whose numbers by the original evaluators are known.

`tests/golden` holds files of invented text; more, of real and of randomly damaged text, are used where the folder
`shared/golden` lies beside the checkout.
"""

from __future__ import annotations

from pathlib import Path

import pytest

_FOLDERS = (Path(__file__).parents[1] / "golden", Path(__file__).parents[3] / "shared" / "golden")
_EXPECTED = ".expected.json"

GOLDEN_NAMES = sorted({path.name.removesuffix(_EXPECTED) for each in _FOLDERS for path in each.glob(f"*{_EXPECTED}")})


def golden_file(name: str) -> Path:
    """The golden outputs of that name. The test is skipped if they are not on this machine."""
    for folder in _FOLDERS:
        if (path := folder / f"{name}.json").is_file():
            return path
    pytest.skip(f"the golden file {name} is not here")
