"""The flag of an option, declared only beside the field that holds the option."""

from __future__ import annotations

from dataclasses import dataclass

PANELS = WHAT, PROMPT, MODEL, SCORES, RUN = "What", "Prompt", "Model", "Scores", "Run"
"""The panels of `--help`, in the order in which a run is put together."""


@dataclass(frozen=True, slots=True)
class Flag:
    """The flag of an option, as `Annotated[type, Flag(...)]` of the dataclass field that holds the option.

    The command line (`groundeval.cli.options`) makes the flag from it; the Python API takes the field as a parameter.
    """

    help: str
    panel: str = RUN
    name: str | None = None
    """`--profile` for the field `profiles`; None: the field's name with dashes."""
    metavar: str | None = None
    """The placeholder of the value in `--help`; None: by the field's type."""
    default: object = None
    """The command line's own default, where it differs from that of Python; None: the field's."""
