"""Sources that the methods cite, and how citations stand in a text."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: What is cited, by key: how it is called in the text, and where it is.
SOURCES = {
    "yin": (
        "Yin et al. 2025",
        (
            "Yin C, Zhang Y, Wen X, Li P (2025). Improve Language Model and Brain Alignment via "
            "Associative Memory. Findings of ACL 2025, 986-999."
        ),
    ),
    "caucheteux": (
        "Caucheteux et al. 2023",
        (
            "Caucheteux C, Gramfort A, King J-R (2023). Evidence of a predictive coding hierarchy "
            "in the human brain listening to speech. Nature Human Behaviour 7, 430-441."
        ),
    ),
    "nastase": (
        "Nastase et al. 2021",
        (
            'Nastase SA et al. (2021). The "Narratives" fMRI dataset for evaluating models '
            "of naturalistic language comprehension. Scientific Data 8, 250."
        ),
    ),
    "brennan": (
        "Brennan et al. 2016",
        (
            "Brennan JR, Stabler EP, Van Wagenen SE, Luh W-M, Hale JT (2016). Abstract linguistic "
            "structure correlates with temporal activity during naturalistic comprehension. "
            "Brain and Language 157-158, 81-94."
        ),
    ),
    "li": (
        "Li et al. 2022",
        (
            "Li J, Bhattasali S, Zhang S, Franzluebbers B, Luh W-M, Spreng RN, Brennan JR, Yang Y, "
            "Pallier C, Hale J (2022). Le Petit Prince multilingual naturalistic fMRI corpus. "
            "Scientific Data 9, 530. OpenNeuro ds003643 (CC0)."
        ),
    ),
    "lebel": (
        "LeBel et al. 2023",
        (
            "LeBel A, Wagner L, Jain S, Adhikari-Desai A, Gupta B, Morgenthal A, Tang J, Xu L, "
            "Huth AG (2023). A natural language fMRI dataset for voxelwise encoding models. "
            "Scientific Data 10, 555. OpenNeuro ds003020 (CC0)."
        ),
    ),
    "partition": (
        "de Heer et al. 2017",
        (
            "de Heer WA, Huth AG, Griffiths TL, Gallant JL, Theunissen FE (2017). The hierarchical "
            "cortical organization of human speech processing. Journal of Neuroscience 37, "
            "6539-6557."
        ),
    ),
    "datalad": (
        "Halchenko et al. 2021",
        (
            "Halchenko YO et al. (2021). DataLad: distributed system for joint management "
            "of code, data, and their relationship. JOSS 6(63), 3262."
        ),
    ),
    "fmriprep": (
        "Esteban et al. 2019",
        (
            "Esteban O et al. (2019). fMRIPrep: a robust preprocessing pipeline for functional "
            "MRI. Nature Methods 16, 111-116."
        ),
    ),
    "fsaverage": (
        "Fischl et al. 1999",
        (
            "Fischl B, Sereno MI, Tootell RBH, Dale AM (1999). High-resolution "
            "intersubject averaging and a coordinate system for the cortical surface. "
            "Human Brain Mapping 8, 272-284."
        ),
    ),
    "destrieux": (
        "Destrieux et al. 2010",
        (
            "Destrieux C, Fischl B, Dale A, Halgren E (2010). Automatic parcellation of human "
            "cortical gyri and sulci using standard anatomical nomenclature. NeuroImage 53, 1-15."
        ),
    ),
    "nilearn": (
        "Abraham et al. 2014",
        (
            "Abraham A et al. (2014). Machine learning for neuroimaging with scikit-learn. "
            "Frontiers in Neuroinformatics 8, 14. (nilearn)"
        ),
    ),
    "himalaya": (
        "Dupré la Tour et al. 2022",
        (
            "Dupré la Tour T, Eickenberg M, Nunez-Elizalde AO, Gallant JL (2022). Feature-space "
            "selection with banded ridge regression. NeuroImage 264, 119728. (himalaya)"
        ),
    ),
    "transformers": (
        "Wolf et al. 2020",
        (
            "Wolf T et al. (2020). Transformers: state-of-the-art natural language processing. "
            "EMNLP 2020: System Demonstrations, 38-45."
        ),
    ),
    "torch": (
        "Paszke et al. 2019",
        (
            "Paszke A et al. (2019). PyTorch: an imperative style, high-performance deep learning "
            "library. Advances in Neural Information Processing Systems 32."
        ),
    ),
    "peft": (
        "Mangrulkar et al. 2022",
        (
            "Mangrulkar S, Gugger S, Debut L, Belkada Y, Paul S, Bossan B (2022). PEFT: "
            "state-of-the-art parameter-efficient fine-tuning methods."
        ),
    ),
    "lora": (
        "Hu et al. 2022",
        "Hu EJ et al. (2022). LoRA: low-rank adaptation of large language models. ICLR 2022.",
    ),
    "gpt2": (
        "Radford et al. 2019",
        (
            "Radford A, Wu J, Child R, Luan D, Amodei D, Sutskever I (2019). Language models "
            "are unsupervised multitask learners. OpenAI."
        ),
    ),
    "llama2": (
        "Touvron et al. 2023",
        (
            "Touvron H et al. (2023). Llama 2: open foundation and fine-tuned chat "
            "models. arXiv 2307.09288."
        ),
    ),
    "scipy": (
        "Virtanen et al. 2020",
        (
            "Virtanen P et al. (2020). SciPy 1.0: fundamental algorithms for scientific computing "
            "in Python. Nature Methods 17, 261-272."
        ),
    ),
    "bh": (
        "Benjamini & Hochberg 1995",
        (
            "Benjamini Y, Hochberg Y (1995). Controlling the false discovery rate: "
            "a practical and powerful approach to multiple testing. Journal of the Royal "
            "Statistical Society B "
            "57, 289-300."
        ),
    ),
    "mitchell": (
        "Mitchell et al. 2008",
        (
            "Mitchell TM et al. (2008). Predicting human brain activity associated with the "
            "meanings of nouns. Science 320, 1191-1195."
        ),
    ),
    "rsa": (
        "Kriegeskorte et al. 2008",
        (
            "Kriegeskorte N, Mur M, Bandettini P (2008). Representational similarity analysis: "
            "connecting the branches of systems neuroscience. Frontiers in Systems Neuroscience "
            "2, 4."
        ),
    ),
    "nili": (
        "Nili et al. 2014",
        (
            "Nili H et al. (2014). A toolbox for representational similarity analysis. PLoS "
            "Computational Biology 10, e1003553."
        ),
    ),
    "anderson": (
        "Anderson et al. 2016",
        (
            "Anderson AJ, Zinszer BD, Raizada RDS (2016). Representational similarity encoding for "
            "fMRI: pattern-based synthesis to predict brain activity using stimulus-model-"
            "similarities. NeuroImage 128, 44-53."
        ),
    ),
    "pereira": (
        "Pereira et al. 2018",
        (
            "Pereira F et al. (2018). Toward a universal decoder of linguistic meaning from brain "
            "activation. Nature Communications 9, 963."
        ),
    ),
    "maximum": (
        "Nichols & Holmes 2002",
        (
            "Nichols TE, Holmes AP (2002). Nonparametric permutation tests for functional "
            "neuroimaging: a primer with examples. Human Brain Mapping 15, 1-25."
        ),
    ),
    "shrinkage": (
        "Ledoit & Wolf 2004",
        (
            "Ledoit O, Wolf M (2004). A well-conditioned estimator for large-dimensional "
            "covariance matrices. Journal of Multivariate Analysis 88, 365-411."
        ),
    ),
    "bca": (
        "Efron 1987",
        (
            "Efron B (1987). Better bootstrap confidence intervals. Journal of the American "
            "Statistical Association 82, 171-185."
        ),
    ),
    "snakemake": (
        "Mölder et al. 2021",
        "Mölder F et al. (2021). Sustainable data analysis with Snakemake. F1000Research 10, 33.",
    ),
}
_CITATION = re.compile(r"\[@([a-z0-9, @]+)\]")
#: Beginnings of hub ids, and what is cited for them.
_MODELS = {"gpt2": "gpt2", "openai-community/gpt2": "gpt2", "meta-llama/Llama-2": "llama2"}


def cited(paragraphs: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return paragraphs with their citations written out, and the sources in order of appearance.

    Parameters
    ----------
    paragraphs : mapping
        By heading; citations are keys of `SOURCES`, as ``[@himalaya]`` or ``[@lora, @peft]``.
    """
    used: list[str] = []

    def names(match: re.Match[str]) -> str:
        keys = [key.strip().removeprefix("@") for key in match[1].split(",")]
        used.extend(key for key in keys if key not in used)
        return "(" + "; ".join(SOURCES[key][0] for key in keys) + ")"

    written = {heading: _CITATION.sub(names, text) for heading, text in paragraphs.items()}
    return written, [SOURCES[key][1] for key in used]


def model_citation(source: str) -> str:
    """Return the citation of a model by its source on the hub; nothing where none is known."""
    return next((f" [@{key}]" for start, key in _MODELS.items() if source.startswith(start)), "")
