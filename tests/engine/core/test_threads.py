"""Quiet threads: one for products of matrices, and PyTorch's asleep while they wait; in whatever Struck starts."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import numpy as np
import pytest
import scipy.linalg  # noqa: F401 (its library has threads of its own)
from threadpoolctl import threadpool_info, threadpool_limits

from engine.core.paths import ROOT
from engine.core.threads import QUIET, one_blas_thread


def count_threads() -> list[int]:
    np.ones((4, 4)) @ np.ones((4, 4))
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_within_there_is_one_thread_and_afterwards_as_many_as_before() -> None:
    with threadpool_limits(2, user_api="blas"):
        before = count_threads()
        with one_blas_thread():
            assert set(count_threads()) == {1}
        assert count_threads() == before


@pytest.mark.parametrize("module", ["engine", "ui"])
def test_every_program_has_quiet_threads_unless_its_user_says_otherwise(module: str) -> None:
    code = f"""
import os, sys
import {module}.__main__ as program
assert "torch" not in sys.modules
try:
    program.main(["--help"])
except SystemExit:
    pass
import torch
print(os.environ["OPENBLAS_NUM_THREADS"])
"""
    own = {"OMP_WAIT_POLICY": "ACTIVE", "OPENBLAS_NUM_THREADS": "3"}
    for given, wanted in (({}, QUIET), (own, own)):
        environment = {name: value for name, value in os.environ.items() if name not in QUIET}
        environment |= {"OMP_DISPLAY_ENV": "TRUE", **given}
        line = [sys.executable, "-c", code]
        answer = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        said = re.search(  # what the library says when it is loaded
            r"OMP_WAIT_POLICY *= *'(\w+)'", answer.stderr
        )
        assert said is not None and said[1] == wanted["OMP_WAIT_POLICY"], (
            answer.stderr
        )  # as the library says when it is loaded
        assert answer.stdout.split()[-1] == wanted["OPENBLAS_NUM_THREADS"]
