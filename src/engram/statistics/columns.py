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
#: How p over listeners and stories of a text's regions are corrected.
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
    """Return the column of a p that is corrected for others by the false discovery rate."""
    return {f"{p}_fdr": f"The same, corrected {how}."}


def maximum(p: str, over: str, draws: str) -> dict[str, str]:
    """Return the column of a p that is corrected by the maximum statistic.

    Parameters
    ----------
    p : str
        The column of the uncorrected p, which comes before.
    over : str
        The tests it is corrected for.
    draws : str
        What the draws of the null are.
    """
    return {
        f"{p}_corrected": (
            f"The same, corrected over {over} by the maximum statistic: (1 + {draws} whose largest "
            f"standardised value of all these reaches this one) / (1 + {draws}); each is "
            f"standardised over all {draws} and what is tested."
        )
    }


def detectable(what: str, above: str) -> dict[str, str]:
    """Return the columns of the smallest effect that would have been found.

    Parameters
    ----------
    what, above : str
        The effect, and what it is above.
    """
    return {
        "detectable": (
            f"Smallest {what} above {above} that would have been found with 80 % power before "
            "correction."
        ),
        "detectable_corrected": (
            "The same after correction, were it in this region alone; it goes by how null texts "
            "correlate over regions."
        ),
    }


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


def null_texts(of: str) -> dict[str, str]:
    """Return the columns that say which control texts are the null, and how many there are.

    Parameters
    ----------
    of : str
        Further words on how many.
    """
    return {
        "null": (
            "The kind of control texts that are the null, the null texts: 'dealt' for texts of "
            "people's responses to cues, else 'random'."
        ),
        "n_null": f"Null texts{of}.",
    }


def p_texts(reaching: str) -> dict[str, str]:
    """Return the columns of a test over texts, where `reaching` says which null texts count."""
    return {
        "p_texts": f"One-sided p over texts: (1 + null texts {reaching}) / (1 + null texts).",
        "smallest_p": "The smallest p that so many null texts can give.",
        **maximum("p_texts", "all tests of the family", "null texts"),
        "family": (
            "The tests that p_texts_corrected is corrected for: 'primary', the regions of the text "
            "and the model that `primary` names; 'others', the regions of all other texts and "
            "models; 'all', where none is named."
        ),
        "n_family": "How many tests the family has.",
        "n_draws": (
            "Null texts that all texts of the family have, and are paired by their numbers: "
            "p_texts_corrected is at least 1 / (1 + n_draws)."
        ),
    }


def _of(what: str) -> str:
    return f" of {what}" if what else ""
