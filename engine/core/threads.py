"""Threads of libraries that wait for work without keeping a core from others.

- OpenBLAS multiplies NumPy's and SciPy's matrices. Ours are small, so that more threads than one do not speed them up,
  but they wait busily for the next product, for some hundredths of a second, and meanwhile take a core from PyTorch's:
  on two cores, hits took twice as long to sample.
- OpenMP runs PyTorch's layers in parts, for the last of which all threads wait. Where another program has a core, they
  would wait busily for a thread that does not run, and hits take many times as long to sample (docs/speed.md, *Beside
  other programs*). Asleep they are woken, which costs a tenth of the time alone.
"""

from __future__ import annotations

import contextlib
import os

QUIET = {"OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
"""What the libraries read when they are loaded."""


def wait_quietly() -> None:
    """For the whole process and those that it starts, where its environment does not say otherwise; before NumPy and
    PyTorch are imported."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


def one_blas_thread() -> contextlib.AbstractContextManager[object]:
    """A context with one thread for products of matrices, for processes that others start; of all libraries that are
    loaded by then."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1, user_api="blas")  # type: ignore[no-any-return]
