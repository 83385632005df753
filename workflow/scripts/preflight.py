"""Say what a study will take, beside what there is; fail if it cannot work."""

from pathlib import Path

from engram import preflight
from engram.errors import EngramError
from engram.jobs import job

with job(snakemake, network=True):
    config = snakemake.params.config
    machine = preflight.this_machine(Path(snakemake.log[0]).parent)
    found = preflight.checks(config, machine, preflight.ask_hub)
    said = f"study {config['study']}\n\n{preflight.table(config, machine)}\n\n{preflight.report(found)}"
    preflight.logger.info("%s", said)
    print(f"\n{said}\n", flush=True)
    if stops := [one.what for one in found if one.state == preflight.STOP]:
        raise EngramError(f"the study cannot run as it is: {', '.join(stops)}. What to change stands above.")
