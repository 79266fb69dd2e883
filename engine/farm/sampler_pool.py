"""The samplers of a run: one for each GPU of the cluster, else one for two cores; those that end are replaced."""

from __future__ import annotations

from typing import Any

from engine.farm.sampler_actor import SamplerActor


class SamplerPool:
    """Owns the actors from the beginning of a run to its end."""

    def __init__(self, ray: Any, checkpoint_folder: str | None, device: str, installation: str) -> None:
        self._ray = ray
        self._given = (checkpoint_folder, device, installation)
        self._living: dict[Any, tuple[Any, bool]] = {}
        """By a call that ends with its actor: the actor, and whether it has a GPU."""

    @property
    def actors(self) -> list[Any]:
        """The actors to ask: those with a GPU where there are any, so that a run has one kind of device."""
        fast = [actor for actor, has_gpu in self._living.values() if has_gpu]
        return fast or [actor for actor, _ in self._living.values()]

    @property
    def watched(self) -> list[Any]:
        """Calls that end when their actor has ended."""
        return list(self._living)

    def fit(self) -> None:
        """Start what is missing for the cluster as it is now."""
        resources = self._ray.cluster_resources()
        gpus = 0 if self._given[1] == "cpu" else int(resources.get("GPU", 0))
        has_gpu = gpus > 0
        wanted = gpus if has_gpu else max(1, int(resources.get("CPU", 1)) // 2)
        present = sum(own == has_gpu for _, own in self._living.values())
        for _ in range(wanted - present):
            placed: dict[str, Any] = {"num_gpus": 1} if has_gpu else {"scheduling_strategy": "SPREAD"}
            actor = self._ray.remote(**placed)(SamplerActor).remote(*self._given)
            self._living[actor.wait_until_gone.remote()] = actor, has_gpu

    def forget(self, call: Any) -> None:
        """Leave out the actor of a watched call that has ended."""
        self._living.pop(call, None)

    def close(self) -> None:
        """End all actors."""
        for actor, _ in self._living.values():
            self._ray.kill(actor)
        self._living.clear()
