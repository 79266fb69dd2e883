"""One thread for products of matrices: in a context, and in the processes that Struck starts."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import scipy.linalg  # noqa: F401 (its library has threads of its own)
from threadpoolctl import threadpool_info, threadpool_limits

from engine.core.blas import VARIABLE, one_blas_thread
from engine.core.paths import ROOT


def count_threads() -> list[int]:
    np.ones((4, 4)) @ np.ones((4, 4))
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_within_there_is_one_thread_and_afterwards_as_many_as_before() -> None:
    with threadpool_limits(2, user_api="blas"):
        before = count_threads()
        with one_blas_thread():
            assert set(count_threads()) == {1}
        assert count_threads() == before


def test_the_command_line_has_one_unless_its_user_says_otherwise() -> None:
    code = f"""
import os, sys
import engine.__main__
assert "numpy" not in sys.modules
engine.__main__.main(["--help"])
print(os.environ["{VARIABLE}"])
"""
    for given, wanted in ((None, "1"), ("3", "3")):
        environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
        environment |= {} if given is None else {VARIABLE: given}
        line = [sys.executable, "-c", code]
        answer = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        assert answer.stdout.split()[-1] == wanted
