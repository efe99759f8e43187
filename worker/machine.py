"""Which machine this is, how busy it is, and how much memory it has: of the process, of its control group, of the GPU."""

import contextlib
import resource
import sys
from pathlib import Path

import psutil
import torch

from worker.provenance import describe_environment

# Version 2 and 1 of control groups, as a container sees its own.
_GROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def describe_machine() -> str:
    """What makes one machine as fast as another: its processors and its GPUs."""
    found = describe_environment()
    return ", ".join([f"{found.processor} × {found.cores}", *found.gpus])


def busy_seconds() -> float:
    """Processor seconds that the whole machine has worked since it was started."""
    spent = psutil.cpu_times()
    return sum(spent) - spent.idle - getattr(spent, "iowait", 0.0) - getattr(spent, "guest", 0.0) - getattr(spent, "guest_nice", 0.0)


def peak_memory_bytes() -> int:
    """The most this process has held at once since the peak was reset: of the GPU where there is one, else resident.

    Pages shared with its parent are counted in.
    """
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    # Linux counts ru_maxrss in KiB, macOS in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def reset_peak_memory() -> None:
    """Starts the peak anew, from what is held now. Only Linux can, of resident memory; elsewhere nothing happens."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        return
    # 5 sets the high-water mark back (proc_pid_clear_refs(5)).
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def memory_limit_bytes() -> int:
    """What the GPU has, or the machine, or the control group that this process is in."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_properties(0).total_memory
    limits = [psutil.virtual_memory().total]
    for path in _GROUP_LIMITS:
        text = path.read_text().strip() if path.exists() else "max"
        if text.isdigit():
            limits.append(int(text))
    return min(limits)


def out_of_memory_kills() -> int:
    """How often the kernel has killed for want of memory since the machine was started; 0 where it does not say."""
    path = Path("/proc/vmstat")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
