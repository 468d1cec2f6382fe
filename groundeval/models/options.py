"""Options of a model, from the command line or the API."""

# The annotations are read at run time (`groundeval.cli.options`): no `from __future__ import annotations` here.

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Annotated, Any

from groundeval.console.flags import MODEL, PROMPT, RUN, WHAT, Flag
from groundeval.parsing.reasoning import ReasoningTags

RayAddress = Annotated[
    str | None,
    Flag("With ray:NAME: host:port of a Ray cluster, or auto. Default: one of this machine, for this command.", RUN),
]
Ray = Annotated[
    Mapping[str, Any],
    Flag("With ray:NAME: actors=N,cpus=N,gpus=N (each actor's). Default: an actor for each GPU.", RUN),
]
"""How a Ray cluster is used: `groundeval.cluster.ClusterOptions`."""


@dataclass(frozen=True)
class GeneratorOptions:
    """Options of a model, from the command line or the API; each generator uses those that concern it."""

    model: Annotated[
        str,
        Flag(
            "Hub name, folder, .gguf file, `smollm2` (a package), or with --backend replay a file of outputs. "
            "Repeat for several models.",
            WHAT,
        ),
    ]
    _: KW_ONLY
    revision: Annotated[str | None, Flag("Branch, tag or commit on the hub.", MODEL)] = None
    dtype: Annotated[str | None, Flag("float32, bfloat16, ...", MODEL)] = None
    batch_size: Annotated[int | None, Flag("Prompts per batch, or auto (the default).", MODEL, metavar="N|auto")] = None
    trust_remote_code: Annotated[
        bool, Flag("Run Python code that comes with the model, or with the NLI model.", MODEL)
    ] = False
    apply_chat_template: Annotated[bool | None, Flag("Default: on if the tokenizer has one.", PROMPT)] = None
    """None: if the tokenizer has a chat template."""
    chat_template_kwargs: Annotated[Mapping[str, Any], Flag("For instance enable_thinking=false.", PROMPT)] = field(
        default_factory=dict
    )
    reasoning_tags: Annotated[
        ReasoningTags | None,
        Flag(
            "'<reason>,</reason>', optionally followed by those of the answer; harmony (gpt-oss); none: the whole text "
            "is the answer. Default: the model's own, else what the text shows.",
            PROMPT,
            metavar="OPEN,CLOSE",
        ),
    ] = None
    """The tags around the model's reasoning; None: those in its chat template or tokenizer, else those that
    the form of a text shows."""
    model_args: Annotated[Mapping[str, Any], Flag("Arguments of the backend.", MODEL)] = field(default_factory=dict)
    """Backend-specific engine arguments; the error for an unknown one names the known ones."""
    ray_address: RayAddress = None
    ray: Ray = field(default_factory=dict)
