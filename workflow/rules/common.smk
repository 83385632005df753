"""The study, its plan, and what lets rules call the functions of `engram.study.stages`.

Needs a configuration: --configfile, or the demo's when none is given. Nothing is decided here: no
checker reads this file. Nothing heavy is imported: every job of a cluster reads it again.
"""

import os

from engram.errors import EngramError
from engram.paths import RESOURCES
from engram.runs import endings, sidecar_memory, use
from engram.study import model_shapes
from engram.study.code_digest import digest, keep_in
from engram.study.config.fields import NAME
from engram.study.config.read import read_study
from engram.study.config_files import check_files
from engram.study.disk import describe, estimate
from engram.study.plan import make_plan
from engram.study.rule_functions import RuleFunctions
from engram.vocabulary import MIRROR_VARIABLE, NILEARN_ATLASES, REMOTE_VARIABLE, TUNED_VARIANT

# Snakemake merges --configfile into the default one, deeply. The demo's is loaded only when
# the user gives no study, so that none of its models or stories leaks into another.
if not workflow.overwrite_configfiles and "study" not in config:

    configfile: workflow.source_path("../../config/config.yaml")


try:
    check_files(workflow.overwrite_configfiles)
    STUDY = read_study(config)
    PLAN = make_plan(STUDY, look=workflow.is_main_process)
    model_shapes.check_layer(STUDY)
except EngramError as error:
    endings.refuse(error, logger)

# Downloads take a mirror from the environment: where a file came from reruns nothing.
if STUDY.mirror_folder():
    os.environ[MIRROR_VARIABLE] = str(STUDY.mirror_folder())

# In a conda environment the package is not installed: jobs find it beside the workflow.
if "conda" in str(workflow.deployment_settings.deployment_method).lower():
    os.environ.update(PYTHONPATH=str(RESOURCES.parent / "src"))

# Parsing is most of a dry-run's and of a job's start: what was parsed is kept, by content, where
# Snakemake keeps source files for all studies of a user.
keep_in(workflow.sourcecache.cache_path)


pathvars:
    results=STUDY.pathvars.get("results", f"results/{STUDY.study}"),
    downloads="resources/downloads",
    logs="<results>/logs",
    benchmarks="<results>/benchmarks",


wildcard_constraints:
    story=NAME,
    model=NAME,
    text=NAME,
    download=r"[A-Za-z0-9.@-]+",
    group=r"[A-Za-z0-9.+-]+",
    tuning=NAME,
    variant=TUNED_VARIANT,
    clone=r"[a-z]+-[0-9a-f]{8}",
    files=r"[0-9a-f]{8}",
    atlas=NILEARN_ATLASES,


USE = use.Use(workflow)

# Said once, when the study is planned, and not by every job.
if workflow.is_main_process and PLAN.dataset.is_large:
    logger.warning(describe(estimate(STUDY, PLAN)))


# What rules call with a job's wildcards.
FUNCTIONS = RuleFunctions(STUDY, PLAN, f"{USE.results}/{sidecar_memory.DIGESTS}")
of, of_group, reads = FUNCTIONS.of, FUNCTIONS.of_group, FUNCTIONS.reads
memory, minutes = FUNCTIONS.memory, FUNCTIONS.minutes


def code_of(script):
    """The digest of a script and of the modules it imports, the reader of the study's data too."""
    return digest(workflow.source_path(f"../scripts/{script}.py"), PLAN.dataset.reader)


def is_remote():
    """Whether jobs go to a cluster; the process of a local job knows it from the environment."""
    if workflow.is_main_process:
        os.environ[REMOTE_VARIABLE] = str(int(bool(workflow.non_local_exec)))
    return os.environ.get(REMOTE_VARIABLE) == "1"
