"""Tables of word norms that Engram knows by name, and fetches."""

from __future__ import annotations

from dataclasses import dataclass

from engram.paths import NORMS_PINS

#: Their addresses and checksums. Those of word associations stand in a file of their own, so that
#: a table more here fetches none of them anew.
PINS = NORMS_PINS.with_name("word_norms.tsv")


@dataclass(frozen=True)
class KnownTable:
    """A published table of word norms.

    Attributes
    ----------
    file : str
        Its path in `PINS`, which has its address and checksum.
    word : str
        The column of words.
    columns : tuple of str
        The columns of norms; ``*`` stands for any characters.
    described : str
        What it is, and what to cite, for the report's methods.
    """

    file: str
    word: str
    columns: tuple[str, ...]
    described: str


_MODALITIES = ("AUDITORY", "GUSTATORY", "HAPTIC", "INTEROCEPTIVE", "OLFACTORY", "VISUAL")
_EFFECTORS = ("FOOT", "HAND", "HEAD", "MOUTH", "TORSO")
#: The 65 attributes; the table has judgements of stability and imageability beside them.
_ATTRIBUTES = (
    "VISUAL BRIGHTNESS DARKNESS COLOR PATTERN LARGENESS SMALLNESS MOTION BIOMOTION FASTNESS "
    "SLOWNESS SHAPE VISUAL_COMPLEXITY FACE BODY HAPTIC TEMPERATURE TEXTURE WEIGHT PAIN "
    "AUDITORY LOUDNESS AUDITORY_LOWNESS AUDITORY_HIGHNESS SOUND MUSIC SPEECH GUSTATORY "
    "OLFACTORY HEAD_ACTION HAND_ARM_ACTION FOOT_LEG_ACTION PERSONAL_EXPERIENCE LANDMARK PATH "
    "SCENE NEAR MOTION_TOWARD MOTION_AWAY NUMBER FIXED_TIME TEMPORALITY TEMPORALITY_LONGNESS "
    "TEMPORALITY_SHORTNESS CAUSALITY CONSEQUENCE SOCIALITY HUMAN_INTENTION COMMUNICATION SELF "
    "COGNITION BENEFIT HARM PLEASANT UNPLEASANT HAPPINESS SADNESS ANGER DISGUST FEAR SURPRISE "
    "MOTIVATION NECESSITY SALIENCE AROUSAL "
)
KNOWN_TABLES = {
    "lynott2020": KnownTable(
        "Lynott-2020-Sensorimotor.tsv",
        "ENGLISH",
        (
            *(f"ENGLISH_{one}_MEAN" for one in _MODALITIES),
            *(f"ENGLISH_{one}_ACTION_MEAN" for one in _EFFECTORS),
        ),
        "six perceptual and five action strengths of the Lancaster sensorimotor norms (Lynott et "
        "al. 2020, Behav Res Methods 52:1271), the 2,708 words that NoRaRe maps "
        "(concepticon/norare-data, CC BY-NC 4.0)",
    ),
    "binder2016": KnownTable(
        "Binder-2016-AffectiveRatings.tsv",
        "ENGLISH",
        tuple(f"ENGLISH_{one}_MEAN" for one in _ATTRIBUTES.split()),
        "65 experiential attributes (Binder et al. 2016, Cogn Neuropsychol 33:130), 289 words "
        "that NoRaRe maps (concepticon/norare-data, CC BY-NC 4.0)",
    ),
}
