"""All measurements of speed in one run: parts, figures with their units and limits, and an earlier run beside them."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from groundeval.bench import limits, nli_speed, originals, process_speed, reward_speed, text_speed, whole_runs
from groundeval.bench.made_outputs import write_outputs
from groundeval.bench.phases import PHASES
from groundeval.bench.text_speed import Outputs
from groundeval.console.progress import say
from groundeval.errors import DataError, MissingExtra, UsageError, excerpt
from groundeval.scratch import temporary_folder
from groundeval.storage.environment import hardware, now, versions

SCHEMA_VERSION = 1
DEFAULT_PARTS = ("text", "rouge", "rewards", "start", "runs", "nli", "limits")
PARTS = (*DEFAULT_PARTS, "originals", "generation", "gpu")
"""`originals` needs a clone of ALCE, `generation` a model, `gpu` a GPU; `gpu` is measured wherever there is one."""
NLI_RECORDS = 16
CLIENTS = 4
"""Of the verifier's server; 0 without the extra `server`."""
SHAPE, GPU_SHAPE = "t5-tiny", "t5-base"
TOLD_APART = ("processor", "machine", "system", "cores", "accelerators")
"""What makes two machines different."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a run, to be compared with that of another run."""

    name: str
    value: float
    unit: str
    limit: str
    """What it cannot exceed, and why it is not higher."""

    @property
    def more_is_better(self) -> bool:
        """Whether it is a rate or a ratio; seconds and MiB are costs."""
        return self.unit.endswith("/CPU s") or self.unit in ("/s", "times", "new tokens/s", "pairs/s", "TFLOP/s")


@dataclass(frozen=True, slots=True)
class Settings:
    """What is measured."""

    measured: Sequence[Outputs]
    """Outputs for text metrics, ROUGE, rewards and the start of processes."""
    parts: Sequence[str]
    repeats: int = 3
    sizes: Sequence[int] = (250, 1_000)
    """Samples of whole runs."""
    shape: str = SHAPE
    model: str | None = None
    """The model of the part `generation`."""
    backends: Sequence[str] = ("hf",)
    originals: Path | None = None
    """The clone of ALCE of the part `originals`."""


@dataclass(slots=True)
class Speed:
    """What was measured, part by part; a part that could not be is in `skipped` with the reason."""

    parts: dict[str, Any] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall seconds that measuring took."""

    def as_json(self) -> dict[str, Any]:
        """The content of `bench_speed.json`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "time": now(),
            "machine": machine(),
            "versions": versions(),
            "load": os.getloadavg()[0],
            **self.parts,
            "figures": [asdict(each) for each in self.figures],
            "skipped": self.skipped,
            "seconds": self.seconds,
        }


def measure(settings: Settings) -> Speed:
    """Measure the parts one after the other. A part whose extra is not installed is skipped, with a note."""
    speed = Speed()
    for part in settings.parts:
        say(f"{part}: measuring")
        started = time.perf_counter()
        try:
            values, figures = _MEASURES[part](settings)
        except MissingExtra as error:
            speed.skipped[part] = str(error)
            continue
        speed.parts |= values
        speed.figures += figures
        speed.seconds[part] = round(time.perf_counter() - started, 1)
    return speed


def machine() -> dict[str, Any]:
    """The machine, as far as its speed depends on it."""
    name = platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return {"processor": name, **hardware()}


@dataclass(frozen=True, slots=True)
class Change:
    """A figure beside that of an earlier run."""

    name: str
    before: float
    now: float
    unit: str
    times: float
    """How many times better: above 1 faster or smaller."""


def read_earlier(file: Path, *, any_machine: bool = False) -> dict[str, Any]:
    """An earlier run's JSON. Raises UsageError for another file, and for another machine unless told to take it."""
    try:
        earlier = json.loads(file.read_text(encoding="utf-8"))
        [*_] = (float(each["value"]) for each in earlier["figures"])
        there, here = earlier["machine"], machine()
        different = [name for name in TOLD_APART if there.get(name) != here.get(name)]
    except OSError as error:
        raise UsageError(f"--against {file}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError(f"--against {file}: not a file of `groundeval bench speed --output-path`") from None
    if different and not any_machine:
        told = "; ".join(f"{name} {excerpt(there.get(name))}, here {excerpt(here.get(name))}" for name in different)
        raise UsageError(
            f"--against {file}: measured on another machine ({told}).\n"
            "  Its speed says nothing about this one's: --any-machine compares all the same."
        )
    return dict(earlier)


def changes(speed: Speed, earlier: Mapping[str, Any]) -> list[Change]:
    """The figures that both runs have."""
    before = {each["name"]: float(each["value"]) for each in earlier["figures"]}
    found = []
    for each in speed.figures:
        if (old := before.get(each.name)) and each.value:
            times = each.value / old if each.more_is_better else old / each.value
            found.append(Change(each.name, old, each.value, each.unit, times))
    return found


Measured = tuple[dict[str, Any], list[Figure]]


def _text(settings: Settings) -> Measured:
    found = [
        speed
        for each in settings.measured
        for speed in text_speed.measure(each.name, each.kind, each.answered, settings.repeats)
    ]
    by_profile = {
        profile: text_speed.overall([each for each in found if each.profile == profile])
        for profile in dict.fromkeys(each.profile for each in found)
    }
    figures = [
        Figure(f"text metrics, {profile}", rate, "responses/CPU s", "one core: parsing and matching in Python")
        for profile, rate in by_profile.items()
    ]
    return {"speeds": [asdict(each) for each in found], "responses_per_second": text_speed.overall(found)}, figures


def _costs(key: str, costs: Sequence[process_speed.Cost], limit: str) -> Measured:
    values = {key: [{**asdict(each), "ratio": each.ratio} for each in costs]}
    return values, [Figure(each.what, each.seconds, "CPU s", limit) for each in costs]


def _rouge(settings: Settings) -> Measured:
    costs = [
        cost
        for each in settings.measured
        if (cost := process_speed.measure_rouge(each.name, each.kind, each.answered, settings.repeats))
    ]
    values, _ = _costs("rouge", costs, "")
    limit = "one core: the longest common subsequence; the original's time for the same bits is 1"
    return values, [Figure(f"{each.what}, against rouge-score", 1 / each.ratio, "times", limit) for each in costs]


def _originals(settings: Settings) -> Measured:
    if settings.originals is None:
        raise UsageError("--parts originals needs a clone of ALCE: --originals FOLDER")
    with temporary_folder("bench") as folder:
        found = originals.measure_originals(settings.originals, settings.repeats, folder)
    what = "length, str_em and ROUGE of a file"
    return {"originals": {**asdict(found), "ratio": found.ratio}}, [
        Figure(f"{what}, ALCE's script", found.original_seconds, "CPU s", "one core"),
        Figure(what, found.seconds, "CPU s", "one core: ROUGE, matching and 1,000 resamples for intervals"),
        Figure(f"{what}, against ALCE's script", found.ratio, "times", "the original's time for the same numbers is 1"),
    ]


def _rewards(settings: Settings) -> Measured:
    found = [
        speed
        for each in settings.measured
        if (speed := reward_speed.measure_reward(each.name, each.kind, each.answered, settings.repeats))
    ]
    strict = [
        reward_speed.measure_strict(each.name, each.kind, each.answered, settings.repeats) for each in settings.measured
    ]
    limit = "one core: parsing and matching in Python"
    figures = [Figure(f"rewards, {each.name}", each.rewards_per_second, "rewards/CPU s", limit) for each in found]
    figures += [
        Figure(f"{each.reward}, {each.name}", each.rewards_per_second, "rewards/CPU s", limit) for each in strict
    ]
    return {"rewards": [asdict(each) for each in (*found, *strict)]}, figures


def _start(settings: Settings) -> Measured:
    costs = process_speed.measure_start(settings.repeats)
    return _costs("start", costs, "imports: reading and running modules; an empty process takes the least")


def _runs(settings: Settings) -> Measured:
    with temporary_folder("bench") as folder:
        found = whole_runs.measure_runs(settings.sizes, folder)
    figures = []
    for each in found:
        name = f"{each.command}, {each.samples:,} samples"
        figures.append(Figure(name, each.cpu_seconds, "CPU s", "one core: the phases below"))
        figures.append(Figure(f"{name}, peak memory", each.peak_mb, "MiB", "imports, and 2,048 records in memory"))
    grown = whole_runs.growth(found)
    for step in grown:
        name = f"{step.command}, from {step.smaller:,} to {step.larger:,} samples"
        figures.append(Figure(f"{name}, a sample more", step.cpu_ms, "CPU ms", "the same at all sizes: time is linear"))
        figures.append(Figure(f"{name}, memory", step.times_memory, "as much", "1: records beyond 2,048 are on disk"))
    return {"runs": [asdict(each) for each in found], "growth": [asdict(each) for each in grown]}, figures


def _nli(settings: Settings) -> Measured:
    """The original evaluators' way, this project cold and warm, and served: on the same file and the same T5."""
    from groundeval.bench.random_t5 import SHAPES, write_random_t5
    from groundeval.extras import require

    require("hf", "Measuring an NLI model")
    try:
        require("server", "Measuring a server")
        clients = CLIENTS
    except MissingExtra:
        clients = 0
    with temporary_folder("bench") as folder:
        outputs = [nli_speed.Outputs("asqa", write_outputs(folder / "outputs.jsonl", NLI_RECORDS))]
        profiles = ("alce", "trust")
        model = write_random_t5(SHAPES[settings.shape], nli_speed.pairs_of(outputs, profiles), folder / "model")
        found = nli_speed.measure(
            str(model),
            outputs,
            folder / "verdicts.sqlite",
            profiles=profiles,
            dtypes=("float32",),
            options={"device": "cpu"},
            clients=clients,
            name=f"{settings.shape}, random weights",
        )
    limit = "matrix product: 2 x parameters x tokens a pair"
    figures = [
        Figure(f"NLI {each.way}", each.unique / each.cpu_seconds, "pairs/CPU s", _NLI_LIMITS.get(each.way, limit))
        for each in found.timings
    ]
    figures += [
        Figure(f"NLI {each}, by CPU", ratio, "times", limit) for each, ratio in found.cpu_ratios.items() if ratio
    ]
    if found.served is not None:
        served = "pairs/s", "the rate in process: client, server and model share the cores"
        figures.append(Figure("NLI served", found.served.served_pairs_per_second, *served))
    return {"nli": asdict(found)}, figures


_NLI_LIMITS = {
    nli_speed.SEQUENTIAL: "matrix-vector products: weights are read from memory for every token",
    nli_speed.CACHED: "reading and text metrics: no model",
}


def _generation(settings: Settings) -> Measured:
    from groundeval.bench import generation

    if settings.model is None:
        raise UsageError("--parts generation needs a model: --model NAME")
    prompts = generation.prompts_of("asqa", "embedded", limit=4, num_docs=2)
    found = generation.compare(settings.backends, prompts, generation.Setup(settings.model, max_new_tokens=32))
    limit = "memory bandwidth: all weights are read for every step of a batch"
    figures = [Figure(f"{each.backend}", each.new_tokens_per_second, "new tokens/s", limit) for each in found.speeds]
    return {"generation": {**asdict(found), "ratios": found.ratios()}}, figures


def _gpu(settings: Settings) -> Measured:
    from groundeval.bench import nli_device
    from groundeval.bench.random_t5 import SHAPES

    with temporary_folder("bench") as folder:
        found = nli_device.measure(GPU_SHAPE, SHAPES[GPU_SHAPE], folder, device="cuda")
    limit = f"matrix product on the GPU: {found.matmul_tflops:.0f} TFLOP/s"
    rows = (
        (f"{GPU_SHAPE} on {found.device}, {row.premise_tokens} tokens", row.pairs_per_second) for row in found.lengths
    )
    return {"gpu": asdict(found)}, [Figure(name, rate, "pairs/s", limit) for name, rate in rows]


def _limits(settings: Settings) -> Measured:
    with temporary_folder("bench") as folder:
        found = limits.measure_limits(folder)
    return {"limits": [asdict(each) for each in found]}, [
        Figure(f"limit: {each.name}", each.value, each.unit, f"bounds {each.bounds}") for each in found
    ]


_MEASURES: Mapping[str, Callable[[Settings], Measured]] = {
    "text": _text,
    "rouge": _rouge,
    "rewards": _rewards,
    "start": _start,
    "runs": _runs,
    "nli": _nli,
    "limits": _limits,
    "originals": _originals,
    "generation": _generation,
    "gpu": _gpu,
}


def has_gpu() -> bool:
    """Whether there is a GPU that torch sees."""
    if not any(Path(device).exists() for device in ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")):
        # Importing torch takes seconds, and its memory shows in what is measured.
        return False
    try:
        import torch
    except ImportError:
        return False
    return bool(torch.cuda.is_available())


def tables(speed: Speed) -> Iterator[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    """What people read: title, columns and rows of each table."""
    rows: list[tuple[str, ...]] = [(each.name, f"{each.value:,.4g}", each.unit, each.limit) for each in speed.figures]
    yield "figures", ("figure", "value", "unit", "its limit"), rows
    runs = speed.parts.get("runs", [])
    if runs:
        names = [name for name in PHASES if any(name in each["phases"] for each in runs)]
        columns = (f"{each['command']}\n{each['samples']:,}" for each in runs)
        title = "CPU seconds by phase, for each command and number of samples"
        yield title, ("phase", *columns), [(name, *(_seconds(each, name) for each in runs)) for name in names]


def _seconds(run: Mapping[str, Any], phase: str) -> str:
    return f"{run['phases'][phase]:.2f}" if phase in run["phases"] else "-"
