"""Process settings of a worker."""

import subprocess
import sys

SETTINGS = """
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
from everlake.runtime.process import configure_worker_process
before = os.nice(0)
configure_worker_process()
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
print(os.nice(0) - before, soft == min(8_192, hard) or hard == resource.RLIM_INFINITY)
"""


def test_a_worker_has_a_lower_priority_and_may_open_many_files() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SETTINGS], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["5", "True"]
