"""Say what a study will take, beside what there is; fail if it cannot work."""

from pathlib import Path

from engram.errors import EngramError
from engram.jobs.job import job
from engram.preflight import machine_checks, norms_checks, survey, token_checks

with job(snakemake, network=True):
    config = snakemake.params.config
    machine = machine_checks.this_machine(Path(snakemake.log[0]).parent)
    found = machine_checks.checks(config, machine, machine_checks.ask_hub)
    data = config["data"]
    read = [
        survey.survey(story, Path(data["folder"]), one["words"], one["scans"])
        for story, one in data["stories"].items()
    ]
    found += machine_checks.data_checks(read)
    found += norms_checks.norms_checks(config["norms"], data)
    found += token_checks.token_checks(config["tokens"], surveyed=list(data["stories"]))
    shown = survey.survey_table(read) if read else data["why_not"]
    said = (
        f"study {config['study']}\n\n{shown}\n\n"
        f"{machine_checks.table(config, machine)}\n\n{machine_checks.report(found)}"
    )
    print(f"\n{said}\n", flush=True)
    # Snakemake prints the log of a job that failed: the table would be there twice.
    if stops := [one.what for one in found if one.state == machine_checks.STOP]:
        raise EngramError(
            f"the study cannot run as it is: {', '.join(dict.fromkeys(stops))}. The table "
            "that preflight printed says what to change."
        )
    machine_checks.logger.info("%s", said)
