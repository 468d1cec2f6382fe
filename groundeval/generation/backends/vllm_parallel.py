"""Several vLLM engines of one machine behind one `generate`: `--model-args data_parallel_size=N`.

`vllm.LLM` refuses the option; vLLM's asynchronous engine has it, which is called here from a thread of its own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping, Sequence
from itertools import count
from typing import Any, TypeVar

from groundeval.errors import UsageError, option
from groundeval.models.device import import_torch

T = TypeVar("T")


class ParallelEngine:
    """The part of `vllm.LLM` that the backend uses, with a copy of the model for each of `data_parallel_size` ranks."""

    def __init__(self, **arguments: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._numbers = count()
        self._thread = threading.Thread(target=self._loop.run_forever, name="groundeval-vllm", daemon=True)
        self._thread.start()
        self._engine = self._wait(_started(arguments))
        self.model_config = self._engine.model_config

    def generate(
        self, prompts: Sequence[Any], params: Sequence[Any], *, lora_request: Any = None, **_: Any
    ) -> list[Any]:
        """The final output of each prompt, in order; the ranks share the prompts. Raises vLLM's EngineDeadError."""

        async def all_of_them() -> list[Any]:
            return await asyncio.gather(*map(one, prompts, params))

        async def one(prompt: Any, sampling: Any) -> Any:
            stream = self._engine.generate(prompt, sampling, str(next(self._numbers)), lora_request=lora_request)
            return [output async for output in stream][-1]

        return self._wait(all_of_them())

    def shutdown(self) -> None:
        """End the engines."""
        self._loop.call_soon_threadsafe(self._engine.shutdown)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


async def _started(arguments: Mapping[str, Any]) -> Any:
    from vllm import AsyncEngineArgs
    from vllm.v1.engine.async_llm import AsyncLLM

    return AsyncLLM.from_engine_args(AsyncEngineArgs(**arguments))


def check_parallel_sizes(arguments: Mapping[str, Any]) -> None:
    """Raises UsageError for sizes that are no whole numbers, and for more of them together than this machine has GPUs.

    Without CUDA nothing is counted: all ranks share the processor. Ray and several nodes are left to vLLM.
    """
    sizes = {name: value for name, value in arguments.items() if name.endswith("_parallel_size")}
    needed = 1
    for name, value in sizes.items():
        if type(value) is not int or value < 1:
            raise UsageError(f"{option('model_args', **{name: value})}: must be a whole number, 1 or more")
        needed *= value
    if needed == 1 or arguments.get("distributed_executor_backend") is not None:
        return
    gpus = import_torch().cuda.device_count()
    if gpus and needed > gpus:
        raise UsageError(f"{option('model_args', **sizes)}: needs {needed} GPUs; this machine has {gpus}")
