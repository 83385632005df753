"""Where the files of Narratives are, from the dataset's root."""

from __future__ import annotations

# ----------------------------------------------------- where the dataset's files are, from its root
#: Hemispheres, as FreeSurfer writes them.
SIDES = {"L": "lh", "R": "rh"}
#: What simulated listeners' scans are said to be cleaned by.
SIMULATED_PIPELINE = "afni-nosmooth"
VOLUME = "MNI152NLin2009cAsym"
#: What the facts are made from, beside each scan's events.
METADATA = ("participants.tsv", "code/scan_exclude.json")


def bold_files(pipeline: str, space: str, scan: str) -> list[str]:
    """Return the paths of a scan's cleaned BOLD: left and right hemisphere, or one volume."""
    begin = f"derivatives/{pipeline}/{scan.split('_')[0]}/func/{scan}_space-{space}"
    return (
        [f"{begin}_res-native_desc-clean_bold.nii.gz"]
        if space == VOLUME
        else [f"{begin}_hemi-{side}_desc-clean.func.gii" for side in SIDES]
    )


def tr_files(pipeline: str, space: str, scan: str) -> list[str]:
    """Return the paths of the BIDS sidecars that may give a scan's TR.

    They are those beside the cleaned files, of the raw scan, and of its task.
    """
    beside = [
        path.removesuffix(".nii.gz").removesuffix(".func.gii") + ".json"
        for path in bold_files(pipeline, space, scan)
    ]
    return [*beside, *raw_tr_files(scan)]


def raw_tr_files(scan: str) -> list[str]:
    """Return the paths of the BIDS sidecars of a raw scan: its own, and its task's at the root."""
    subject, task, *_ = scan.split("_")
    return [f"{subject}/func/{scan}_bold.json", f"{task}_bold.json"]


def parcellation_files() -> list[str]:
    """Return the paths of the Destrieux parcellation, left and right."""
    return [
        f"derivatives/freesurfer/fsaverage6/label/{side}.aparc.a2009s.annot"
        for side in SIDES.values()
    ]


def events_file(scan: str) -> str:
    """Return the path of a scan's events."""
    return f"{scan.split('_')[0]}/func/{scan}_events.tsv"


def alignment_file(stimulus: str) -> str:
    """Return the path of a stimulus' words and times."""
    return f"stimuli/gentle/{stimulus}/align.csv"


def transcript_file(stimulus: str) -> str:
    """Return the path of a stimulus' text, which not every one has."""
    return f"stimuli/gentle/{stimulus}/transcript.txt"
