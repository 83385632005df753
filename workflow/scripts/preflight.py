"""Say what a study will take, beside what there is; fail if it cannot work."""

from pathlib import Path

from engram import preflight, survey
from engram.errors import EngramError
from engram.jobs import job

with job(snakemake, network=True):
    config = snakemake.params.config
    machine = preflight.this_machine(Path(snakemake.log[0]).parent)
    found = preflight.checks(config, machine, preflight.ask_hub)
    data = config["data"]
    read = [survey.survey(story, Path(data["folder"]), one["words"], one["scans"]) for story, one in data["stories"].items()]
    found += preflight.data_checks(read)
    shown = survey.survey_table(read) if read else data["why_not"]
    said = f"study {config['study']}\n\n{shown}\n\n{preflight.table(config, machine)}\n\n{preflight.report(found)}"
    print(f"\n{said}\n", flush=True)
    # Snakemake prints the log of a job that failed: the table would be there twice.
    if stops := [one.what for one in found if one.state == preflight.STOP]:
        raise EngramError(f"the study cannot run as it is: {', '.join(dict.fromkeys(stops))}. The table that preflight printed says what to change.")
    preflight.logger.info("%s", said)
