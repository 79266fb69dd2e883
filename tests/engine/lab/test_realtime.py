"""No test takes real-time priority, nor does what it starts."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

TRY = "import os; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives it to root unasked")
def test_real_time_priority_is_refused_here_and_in_what_is_started() -> None:
    with pytest.raises(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    ended = subprocess.run([sys.executable, "-c", TRY], capture_output=True, text=True)
    assert "PermissionError" in ended.stderr
