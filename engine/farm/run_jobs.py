"""Run jobs on the cluster: so many at a time, again where a machine is lost, none left behind at the end."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from engine.core.errors import Cancelled
from engine.farm.installation import check_installation, digest_installation
from engine.farm.remote_analysis import analyze_remotely
from engine.farm.remote_sampler import find_remote_sampler
from engine.farm.sampler_pool import SamplerPool
from engine.pipeline.compute import Compute

MOST_TRIES = 4
JOBS_A_CORE = 2
"""Jobs under way for each core: one works while another waits for samples."""

JOB_BYTES = 1536 << 20
"""Memory that a job reserves: what a clip of half an hour takes."""

LOOK_S = 5.0
"""The cluster may have grown after so long."""

STOP_S = 10.0
"""So long is waited for the end of processes whose run is stopped."""

J = TypeVar("J")


@dataclass(frozen=True)
class Lost:
    """A job that was given up: its process ended every time, for the reason."""

    reason: str


class RunPulse:
    """An actor that lives as long as its run; a process whose call to it fails has no run to work for."""

    def __init__(self) -> None:
        self._has_ended = asyncio.Event()
        self._waiting = 0

    async def wait(self, duration_s: float) -> bool:
        """Whether the run goes on, after so long or as soon as it ends."""
        self._waiting += 1
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._has_ended.wait(), duration_s)
        self._waiting -= 1
        return not self._has_ended.is_set()

    async def end(self) -> None:
        """The run ends; returns when all who wait have been told."""
        self._has_ended.set()
        while self._waiting:
            await asyncio.sleep(0.0)


def run_jobs(
    ray: Any,
    jobs: Sequence[J],
    work: Callable[[J, Compute], Any],
    checkpoint_folder: str | None = None,
    device: str = "auto",
    most: int | None = None,
    on_loss: Callable[[J, str], None] = lambda job, reason: None,
) -> Generator[tuple[J, Any], None, None]:
    """Each job with what ``work(job, compute)`` returns on some machine, or Lost, as they are ready.

    ``work`` is a function of a module, or a partial of one. At most ``most`` jobs are under way at a time, by default
    as the cores allow. A job whose process or machine ends is run again; ``on_loss`` hears the reason. When the
    iteration is left, what is under way is stopped.
    """
    installation = digest_installation(checkpoint_folder)
    pool = SamplerPool(ray, checkpoint_folder, device, installation)
    task = ray.remote(num_cpus=1, max_retries=0, memory=_reserve(ray))(_run)
    pulse = _start_pulse(ray)
    waiting = deque((job, 1) for job in jobs)
    running: dict[Any, tuple[J, int]] = {}
    number = 0
    try:
        while waiting or running:
            pool.fit()
            limit = most or max(1, JOBS_A_CORE * int(ray.cluster_resources().get("CPU", 1)))
            while waiting and len(running) < limit:
                job, tries = waiting.popleft()
                # A list, since a list of actors is a value and not a reference to one.
                given = (pulse, pool.actors, number, installation, checkpoint_folder)
                running[task.remote(work, job, *given)] = job, tries
                number += 1
            ready, _ = ray.wait([*running, *pool.watched], timeout=LOOK_S)
            for call in ready:
                if call not in running:
                    pool.forget(call)
                    continue
                job, tries = running.pop(call)
                result = _collect(ray, call)
                if isinstance(result, Lost) and tries < MOST_TRIES:
                    on_loss(job, result.reason)
                    waiting.appendleft((job, tries + 1))
                else:
                    yield job, result
    finally:
        _stop(ray, pulse, list(running))
        pool.close()


def _run(
    work: Callable[[Any, Compute], Any],
    job: Any,
    pulse: Any,
    actors: Sequence[Any],
    first: int,
    installation: str,
    checkpoint_folder: str | None,
) -> Any:
    """A job in a process of the farm.

    Raises BadInput where its machine has another version of Struck, Cancelled when the run has ended.
    """
    import ray

    check_installation(installation, checkpoint_folder)
    compute = Compute(
        analyze=functools.partial(analyze_remotely, ray),
        find_sampler=functools.partial(find_remote_sampler, ray, list(actors), first),
    )
    if not _has_run(ray, pulse, 0.0):
        raise Cancelled
    is_done = threading.Event()
    threading.Thread(target=_exit_with, args=(ray, pulse, is_done), daemon=True).start()
    try:
        return work(job, compute)
    finally:
        is_done.set()


def _start_pulse(ray: Any) -> Any:
    """The pulse of a run, on the machine that started it."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    placed = {"num_cpus": 0, "max_restarts": -1, "max_task_retries": -1, "scheduling_strategy": here}
    return ray.remote(**placed)(RunPulse).remote()


def _exit_with(ray: Any, pulse: Any, is_done: threading.Event) -> None:
    """End this process when the pulse ends before its job is done."""
    while not is_done.is_set():
        if not _has_run(ray, pulse, LOOK_S) and not is_done.is_set():
            os._exit(1)


def _has_run(ray: Any, pulse: Any, duration_s: float) -> bool:
    """Whether the run still goes on after so long."""
    try:
        return bool(ray.get(pulse.wait.remote(duration_s)))
    except ray.exceptions.RayActorError:
        return False


def _collect(ray: Any, call: Any) -> Any:
    """What a job returned; Lost where it could not end; what it raised is returned as it is."""
    errors = ray.exceptions
    try:
        return ray.get(call)
    except errors.RayTaskError as error:
        cause = getattr(error, "cause", None) or error
        if isinstance(cause, (Cancelled, errors.RayError)):
            return Lost("the machines that it needed are gone")
        return cause
    except errors.OutOfMemoryError:
        return Lost("its machine has too little memory")
    except errors.NodeDiedError:
        return Lost("its machine left the farm")
    except errors.WorkerCrashedError:
        return Lost("its process ended")
    except errors.RayError as error:
        return Lost(f"the farm could not run it ({type(error).__name__})")


def _stop(ray: Any, pulse: Any, calls: Sequence[Any]) -> None:
    """End the processes of jobs and wait for it. ``ray.cancel`` ended the whole run when a job was just ready."""
    try:  # it ends by itself when nobody holds it; killed with calls under way, Ray would log each as failed
        ray.get(pulse.end.remote(), timeout=STOP_S)
    except ray.exceptions.RayError:
        ray.kill(pulse)
    if calls:
        ray.wait(list(calls), num_returns=len(calls), timeout=STOP_S)


def _reserve(ray: Any) -> int:
    """Memory to reserve for a job: JOB_BYTES, or all that the largest machine has."""
    nodes = [node["Resources"].get("memory", 0) for node in ray.nodes() if node["Alive"]]
    return int(min(JOB_BYTES, max(nodes, default=0)))
