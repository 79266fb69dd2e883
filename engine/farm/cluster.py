"""Join a Ray cluster, or start one on this machine."""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import shutil
import socket
import sys
from collections.abc import Iterator
from typing import Any

from engine.core.errors import BadInput

LOCAL, JOINED = "local", "auto"
OBJECT_STORE_BYTES = 512 << 20
"""Of a cluster on this machine: what is under way there is a few hits of each clip."""

_ANSWER_S = 5.0


@contextlib.contextmanager
def open_cluster(address: str, cpus: int | None = None) -> Iterator[Any]:
    """The module ``ray``, connected to a cluster while the block runs.

    ``address`` is HOST:PORT of a cluster that this machine is a part of, ``auto`` for the one that it is a part of, or
    ``local`` for one that is started here, on ``cpus`` cores (by default all), and stopped at the end. Dashboard and
    usage statistics stay off. Raises BadInput.
    """
    if address == LOCAL:
        keep_private()
    ray = import_ray()
    quiet: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
    session = None
    try:
        if address == LOCAL:
            count = min(cpus or os.cpu_count() or 1, os.cpu_count() or 1)
            store = {"object_store_memory": OBJECT_STORE_BYTES, "include_dashboard": False}
            session = ray.init(LOCAL, num_cpus=count, **store, **quiet).address_info["session_dir"]
        else:
            if address != JOINED:
                _check_address(address)
            ray.init(address, **quiet)
    except BadInput:
        raise
    except ConnectionError as error:
        if address == JOINED:
            reason = "this machine is part of no Ray cluster; join one by `ray start`, or give --farm local"
            raise BadInput(f"--farm auto: {reason}") from None
        raise _refuse(address, error) from None
    except Exception as error:  # of many kinds: other versions of Ray or Python, no token, no answer
        raise _refuse(address, error) from None
    try:
        yield ray
    finally:
        ray.shutdown()
        if session is not None:
            shutil.rmtree(session, ignore_errors=True)


@contextlib.contextmanager
def start_cluster(cpus: int) -> Iterator[str]:
    """The address of a cluster that runs on this machine during the block, told of ``cpus`` cores whatever it has."""
    import_ray()
    from ray.cluster_utils import Cluster

    store = {"object_store_memory": OBJECT_STORE_BYTES, "include_dashboard": False}
    cluster = Cluster(True, head_node_args={"num_cpus": cpus, **store})
    try:
        yield str(cluster.address)
    finally:
        cluster.remove_node(cluster.head_node, allow_graceful=False)  # which asks nobody who may be too busy to answer
        cluster.shutdown()


def keep_private() -> None:
    """Have clusters that this process starts answer it and its children alone; to be called before Ray is imported.

    Ray listens on the network, and reads the token at its import. Nobody else knows it, and it is kept nowhere.
    """
    if "ray" not in sys.modules:
        os.environ["RAY_AUTH_MODE"], os.environ["RAY_AUTH_TOKEN"] = "token", secrets.token_hex(32)


def import_ray() -> Any:
    """The module ``ray``, with its usage statistics off. BadInput where it is not installed."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
    except ImportError:
        if sys.platform == "darwin" and platform.machine() == "x86_64":
            raise BadInput("--farm needs Ray, which has no build for Intel Macs; leave it out, or use --jobs") from None
        raise BadInput(
            "--farm needs Ray, which is not installed; start it by launch.py, which installs it, "
            "or run pip install -r requirements-farm.txt"
        ) from None
    return ray


def _refuse(address: str, error: Exception) -> BadInput:
    """The sentence about a cluster that could not be joined or started."""
    reason = " ".join(str(error).split())[:200].rstrip(".")
    where = "on this machine" if address == LOCAL else f"at {address}"
    return BadInput(
        f"the Ray cluster {where} cannot be used ({reason}); mend that, or leave --farm out to render without it"
    )


def describe_cluster(ray: Any) -> str:
    """Machines, cores and GPUs, in words."""
    resources = ray.cluster_resources()
    machines = sum(node["Alive"] for node in ray.nodes())
    parts = [f"{count:g} {word}{'' if count == 1 else 's'}" for count, word in (
        (machines, "machine"), (resources.get("CPU", 0), "core"), (resources.get("GPU", 0), "GPU"))]  # fmt: skip
    return ", ".join(parts)


def _check_address(address: str) -> None:
    """BadInput for an address of another form, or one where nothing answers."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535 or "/" in address:
        raise BadInput(f"--farm {address[:60]!r} is not HOST:PORT; give what `ray start` told, auto or local")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER_S).close()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise BadInput(
            f"no Ray cluster answers at {address} ({reason}); start one by `ray start --head`, or give --farm local"
        ) from None
