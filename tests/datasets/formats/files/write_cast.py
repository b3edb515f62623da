"""Write ``asciinema.cast``: a shell session typed into asciinema 2.4.0 (``python write_cast.py asciinema.cast``)."""

import os
import pty
import re
import select
import sys
import time
from pathlib import Path

KEYS = ["echo hello\r", "ehco\x7f\x7f\x7fcho fixed\r", "read -s secret\r", "hunter2\r", "false\r", "exit\r"]

target = Path(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    os.environ |= {
        "PS1": "ops$ ",
        "TERM": "xterm-256color",
        "SHELL": "/bin/bash",
        "COLUMNS": "60",
        "LINES": "20",
    }
    os.execvp(
        "asciinema",
        ["asciinema", "rec", "-q", "--stdin", "--overwrite", "-c", "bash --norc --noprofile", str(target)],
    )


def wait(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.05)[0]:
            try:
                os.read(terminal, 4096)
            except OSError:
                return


wait(2)
for line in KEYS:
    for key in line:
        os.write(terminal, key.encode())
        wait(0.05)
    wait(0.5)
wait(1)
os.waitpid(pid, 0)
text = target.read_text()
target.write_text(re.sub(r'"timestamp": \d+', '"timestamp": 1772355600', text))
