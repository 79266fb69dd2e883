"""Run a command for the Reaper script: ``run_struck.py LOG STATUS COMMAND...``; standard library only.

What the command says goes to LOG as it is said; STATUS gets its exit status once it has ended. Reaper reads both.
"""

import os
import subprocess
import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Run the command to its end and return its exit status."""
    log, status = Path(arguments[0]), Path(arguments[1])
    with log.open("wb") as said:
        try:
            code = subprocess.call(arguments[2:], stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)
        except OSError as error:
            said.write(f"{arguments[2]} cannot be started ({error.strerror}); check the place of Struck\n".encode())
            code = 1
    partial = status.with_name(f"{status.name}.part")
    partial.write_text(str(code))
    os.replace(partial, status)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
