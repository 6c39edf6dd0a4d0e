"""What a run's figures depend on beside its configuration: versions, machine and code."""

import platform
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import dilated_cifar


def describe_environment() -> str:
    """Versions, CPU, state of the code and command line, on one line."""
    own = f"dilated-cifar {dilated_cifar.__version__}{code_state()}, python {platform.python_version()}"
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "torchvision", "numpy"))
    machine = f"{cpu_name()}, {platform.platform()}"
    return f"{own}, {versions}; {machine}; command: {shlex.join(sys.argv)}"


def cpu_name() -> str:
    """The processor's name, as Linux has it, or else Python."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def code_state() -> str:
    """Commit of the checkout that the package lies in, and whether files differ from it; else nothing."""
    checkout = Path(dilated_cifar.__file__).resolve().parents[1]
    if not (checkout / ".git").exists():
        return ""
    git = ["git", "-C", str(checkout)]
    try:
        commit, changes = (
            subprocess.run([*git, *arguments], capture_output=True, text=True, check=True, timeout=10).stdout
            for arguments in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return f" (git {commit.strip()}{', changed since' if changes else ''})"
