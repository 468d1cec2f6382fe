"""The named verifiers: `--nli NAME`, or `--nli NAME:MODEL` for another model used in the same way."""

from __future__ import annotations

from groundeval.nli.spec import Chunks, Spec, register_spec

ASK_YES_OR_NO = (
    "Does the document support the claim? Say yes only if everything in the claim is stated in the document or "
    "follows from it.\n\nDocument:\n{premise}\n\nClaim:\n{hypothesis}\n\nAnswer with one word: yes or no."
)


@register_spec("true")
def true() -> Spec:
    """TRUE, the T5-11B model behind the published numbers of ALCE and Trust-Score (Honovich et al. 2022)."""
    return Spec(
        kind="seq2seq",
        model="google/t5_xxl_true_nli_mixture",
        licence="Apache-2.0",
        parameters=11.0,
        fidelity="exact",
        yes=("1",),
        no=("0",),
    )


@register_spec("seq2seq")
def seq2seq() -> Spec:
    """Any T5-style model that answers `1` for entailed: `seq2seq:FOLDER` or `seq2seq:OWNER/MODEL`."""
    return Spec(kind="seq2seq", yes=("1",), no=("0",))


@register_spec("minicheck")
def minicheck() -> Spec:
    """MiniCheck-Flan-T5-Large (Tang et al. 2024): probability of `1` against `0`, best of the premise's chunks."""
    # The first tokens of `1` and `0` are 209 and 3 in Flan-T5's vocabulary.
    return Spec(
        kind="seq2seq",
        model="lytang/MiniCheck-Flan-T5-Large",
        licence="MIT",
        parameters=0.8,
        template="predict: {premise}</s>{hypothesis}",
        yes=("1",),
        no=("0",),
        threshold=0.5,
        chunks=Chunks("words", 500),
    )


@register_spec("classifier")
def classifier() -> Spec:
    """Classifiers of premise and hypothesis, such as DeBERTa trained on MNLI, FEVER and ANLI; `classifier:MODEL`."""
    return Spec(
        kind="classifier",
        model="MoritzLaurer/DeBERTa-v3-large-mnli-fever-anli-ling-wanli",
        licence="MIT",
        parameters=0.4,
        template="premise and hypothesis as a pair",
        yes=("entailment", "entails", "entailed", "supported", "supports", "support", "consistent"),
        threshold=0.5,
        chunks=Chunks("tokens"),
    )


@register_spec("causal")
def causal() -> Spec:
    """A chat model asked for yes or no: `causal:MODEL` in process, `causal:MODEL@http://host:port/v1` on a server."""
    return Spec(
        kind="causal",
        template=ASK_YES_OR_NO,
        yes=("yes",),
        no=("no",),
        threshold=0.5,
        chunks=Chunks("tokens"),
    )


@register_spec("remote")
def remote() -> Spec:
    """A model behind `groundeval serve-nli`: `--nli http://host:port`."""
    return Spec(kind="remote", template="that of the served model")


@register_spec("lexical")
def lexical() -> Spec:
    """Entailed if at least half of the hypothesis's distinct words occur in the premise; for trials, no model."""
    return Spec(kind="lexical", template="token containment", threshold=0.5)
