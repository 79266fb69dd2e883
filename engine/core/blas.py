"""One thread for NumPy's and SciPy's products of matrices.

Ours are small, so that more threads do not speed them up. But OpenBLAS's threads wait busily for the next product, for
some hundredths of a second, and meanwhile take a core from PyTorch's: on two cores, hits took twice as long to sample.
"""

from __future__ import annotations

import contextlib
import os

VARIABLE = "OPENBLAS_NUM_THREADS"


def use_one_blas_thread() -> None:
    """For the whole process, where its environment does not say otherwise. NumPy reads it when it is imported."""
    os.environ.setdefault(VARIABLE, "1")


def one_blas_thread() -> contextlib.AbstractContextManager[object]:
    """A context with one thread, for processes that others start; of all libraries that are loaded by then."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1, user_api="blas")  # type: ignore[no-any-return]
