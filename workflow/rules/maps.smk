"""Maps on the cortex, for datasets on a surface: a GIFTI file for each hemisphere,
an array for each layer.

Needs the scores and ceilings. They open in Connectome Workbench, and the brain
figure is drawn from them.
"""

from engram.study.stages import associations, ceilings, encoding, maps


rule score_maps:
    """Map a model's scores, averaged over listeners, layer by layer."""
    input:
        scores=of(encoding.of_model),
        places=of(ceilings.of_first_story),
    output:
        L=maps.of_hemisphere(maps.SCORES, "L"),
        R=maps.of_hemisphere(maps.SCORES, "R"),
    log:
        "<logs>/score_maps/model-{model}_text-{text}.log",
    benchmark:
        "<benchmarks>/score_maps/model-{model}_text-{text}.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(maps.depends_on),
        code=code_of("score_maps"),
    script:
        "../scripts/score_maps.py"


rule association_maps:
    """Map F of a text, that of random texts, and the difference, averaged over listeners."""
    input:
        scores=of(associations.of_model),
        places=of(ceilings.of_first_story),
    output:
        L=maps.of_hemisphere(maps.ASSOCIATION, "L"),
        R=maps.of_hemisphere(maps.ASSOCIATION, "R"),
    log:
        "<logs>/association_maps/model-{model}_text-{text}.log",
    benchmark:
        "<benchmarks>/association_maps/model-{model}_text-{text}.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(maps.depends_on),
        code=code_of("association_maps"),
    script:
        "../scripts/association_maps.py"


rule ceiling_maps:
    """Map the ceilings, averaged over stories."""
    input:
        ceilings=of(ceilings.files),
    output:
        L=maps.of_hemisphere(maps.CEILINGS, "L"),
        R=maps.of_hemisphere(maps.CEILINGS, "R"),
    log:
        "<logs>/ceiling_maps.log",
    benchmark:
        "<benchmarks>/ceiling_maps.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(maps.ceilings_depend_on),
        code=code_of("ceiling_maps"),
    script:
        "../scripts/ceiling_maps.py"
