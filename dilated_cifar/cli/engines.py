"""Hydra's launchers and sweepers, with the defaults in `conf/engines/`."""

import logging
from importlib.util import find_spec

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from omegaconf import OmegaConf

from dilated_cifar.cli.choices import conf_folder
from dilated_cifar.cli.gpus import count_gpus, jobs_at_once
from dilated_cifar.extras import pip_install

PLUGINS = ("joblib_launcher", "submitit_launcher", "optuna_sweeper")
"""Those of the extra `sweep`."""


def register_engines() -> None:
    """Give Hydra's launchers and sweepers their defaults, which may ask what this machine has."""
    OmegaConf.register_new_resolver("jobs_at_once", jobs_at_once, replace=True)
    OmegaConf.register_new_resolver("jobs_a_batch", jobs_a_batch, replace=True)
    OmegaConf.register_new_resolver("gpus", count_gpus, replace=True)
    # A plugin stores defaults of its own under its name as soon as Hydra finds it. A file of that name on
    # Hydra's search path would be merged into them with a warning, so ours take their place.
    Plugins.instance()
    # Optuna's data base tells of each part it loads, though none is used.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    for file in (conf_folder() / "engines").glob("*/*.yaml"):
        engine = OmegaConf.load(file)
        ConfigStore.instance().store(
            group=f"hydra/{file.parent.name}",
            name=file.stem,
            node=engine,
            package="_global_" if "hydra" in engine else None,
        )


def jobs_a_batch(launcher: str, processes: int, jobs_per_gpu: int) -> int | None:
    """How many jobs a launcher is given at once: None for all, where it has a queue of its own.

    Args:
        launcher: The name of its class.
        processes: Those of each job; several of them take this machine's GPUs from the first one on.
        jobs_per_gpu: As in the configuration.
    """
    if not launcher.endswith(".LocalLauncher"):
        return None
    return jobs_at_once(jobs_per_gpu) if processes == 1 else 1


def missing_engine(error: Exception) -> str | None:
    """What to install, where Hydra failed for want of a launcher or sweeper."""
    # Without a plugin, Hydra knows neither its class nor its samplers.
    if not any(sign in str(error) for sign in ("Unknown plugin", "sampler/tpe")) or engines_installed():
        return None
    return f"no such launcher or sweeper is installed: {pip_install('sweep')}"


def engines_installed() -> bool:
    """Whether the packages of every launcher and sweeper are here."""
    try:
        return all(find_spec(f"hydra_plugins.hydra_{name}") for name in PLUGINS)
    except ModuleNotFoundError:
        return False
