"""Engram: brain scores for language models, and what association adds.

From raw downloads to brain scores, ceilings, ROI tables and figures; reruns only what a change
touches. Start with README.md; docs/development/architecture.md is the map.
"""

from pathlib import Path

from snakemake.utils import min_version

from engram.runs import endings, scheduling, sidecar_memory
from engram.study.stages import results

min_version("9.27")


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/fetch.smk"
include: "workflow/rules/simulate.smk"
include: "workflow/rules/stories.smk"
include: "workflow/rules/activations.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/bold.smk"
include: "workflow/rules/encoding.smk"
include: "workflow/rules/ceiling.smk"
include: "workflow/rules/statistics.smk"
include: "workflow/rules/associations.smk"
include: "workflow/rules/norms.smk"
include: "workflow/rules/tuning.smk"
include: "workflow/rules/metrics.smk"
include: "workflow/rules/partitions.smk"
include: "workflow/rules/checkpoints.smk"
include: "workflow/rules/maps.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/preflight.smk"


rule all:
    """Everything the study asks for."""
    default_target: True
    input:
        results.files(STUDY, PLAN),


# Last, when all rules are known: results count by what their sidecars say they were made of.
sidecar_memory.attach(workflow, USE, logger)

# As a module Engram leaves the end of a run to the other workflow, and its shell commands alone.
if workflow.is_main_process and not USE.is_module and not workflow.output_settings.dryrun:
    ENDING = endings.Ending(Path(USE.results, "report.html"), lambda: workflow.dag_settings.targets)
    ENDING.watch(logger)
    shell.prefix(endings.hold_interrupts())

    onstart:
        ENDING.watch_sigterm()
        scheduling.look_when_jobs_end(workflow)

    onsuccess:
        ENDING.succeeded = True
