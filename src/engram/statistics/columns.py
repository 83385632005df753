"""Columns that many tables share, with their descriptions.

A table's own columns stand beside the function that makes it. Descriptions go into the table's
sidecar, where users read them.
"""

from __future__ import annotations

HEMISPHERE = {"hemisphere": "L, R, or B (both, or neither)."}
#: A region without its size, and with it.
PLACE = {**HEMISPHERE, "roi": "Region."}
REGION = {**PLACE, "n_targets": "Targets in the region."}
#: A region in a table of a scoring that may have scored one mean time course in its place.
REGION_AS_SCORED = {**PLACE, "n_targets": "Targets in the region, as they were scored."}
LAYER = {"layer": "Layer; 0 is the embeddings."}
FIXED_LAYER = {"layer": "Layer, fixed beforehand."}
SUBJECT = {"subject": "Listener, or 'average'."}
SUBJECTS = {"subjects": "'listeners': mean over single listeners; 'average': the average listener."}
N_LISTENERS = {"n_listeners": "Listeners; 'average' is not among them."}
N_STORIES = {"n_stories": "Stories, versions of one counted as one."}
#: What F and unique contributions of associations are of.
MODEL_AND_TEXT = {"model": "Model.", "text": "Name of the associations."}
#: What tuning effects are of.
MODEL_AND_TUNING = {"model": "Base model.", "tuning": "Name of the tuning."}
#: How the p of a text are corrected.
WITHIN_TEXT = "for the regions of this text and model (Benjamini-Hochberg)"


def interval(low: str, high: str, of: str = "", over: str = "listeners") -> dict[str, str]:
    """Return the two columns of an interval.

    Parameters
    ----------
    low, high : str
        Their names.
    of : str
        Of what it is, where that is not the column before.
    over : str
        What was drawn in the bootstrap.
    """
    return {low: f"95 % bootstrap interval (BCa){_of(of)} over {over}.", high: "Its upper end."}


def corrected(p: str, how: str = "as above") -> dict[str, str]:
    """Return the column of a p that is corrected for others, behind the one of `p`."""
    return {f"{p}_fdr": f"The same, corrected {how}."}


def p_listeners(holds_for: str, of: str = "", how: str = "as above") -> dict[str, str]:
    """Return the columns of a test over listeners, uncorrected and corrected.

    Parameters
    ----------
    holds_for : str
        To what the result is confined: "stories" for other listeners of these stories only.
    of : str
        What is tested, where that is not the table's effect.
    how : str
        With which others p is corrected.
    """
    return {
        "p_listeners": (
            f"Two-sided p over listeners (Wilcoxon){_of(of)}: holds for other listeners of these "
            f"{holds_for} only."
        ),
        **corrected("p_listeners", how),
    }


def p_stories(of: str = "", how: str = "as above") -> dict[str, str]:
    """Return the columns of a test over stories; the parameters are those of `p_listeners`."""
    return {
        "p_stories": (f"Two-sided p over stories (Wilcoxon){_of(of)}; n/a with fewer than six."),
        **corrected("p_stories", how),
    }


def p_texts(reaching: str) -> dict[str, str]:
    """Return the columns of a test over texts, where `reaching` says which random texts count."""
    return {
        "p_texts": (f"One-sided p over texts: (1 + random texts {reaching}) / (1 + random texts)."),
        **corrected("p_texts", WITHIN_TEXT),
    }


def _of(what: str) -> str:
    return f" of {what}" if what else ""
