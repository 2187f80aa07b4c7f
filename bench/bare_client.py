"""The client of the API without anything around it, to measure the engine beside it on one core."""

import asyncio
import os
import time
from collections.abc import Callable

from cleanlist import ApiKeyCredential, AsyncClient, Connections, Secret
from workspaces.polling import engine

KEY = Secret("clapi_" + "A" * 64)


def pin(core: int) -> None:
    """Stay on one core, with all threads that begin later."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core % (os.cpu_count() or 1)})


async def ask_bare(url: str, calls: int) -> None:
    numbers = iter(range(calls))

    async def ask(client: AsyncClient) -> None:
        for _ in numbers:
            await client.credits.balance()

    async with Connections() as shared, AsyncClient(url, ApiKeyCredential(KEY), connections=shared, retries=0) as bare:
        await asyncio.gather(*(ask(bare) for _ in range(engine.BATCH)))


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds that ``work`` took, and those of the processor in this process."""
    began, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - used
