"""Maps on the cortex, for datasets on a surface: a GIFTI file for each hemisphere, an array for each layer.

Needs the scores and ceilings. They open in Connectome Workbench, and the brain figure is drawn from them.
"""


rule score_maps:
    """Map a model's scores, averaged over listeners, layer by layer."""
    input:
        scores=model_scores,
        places=any_ceiling,
    output:
        L="<results>/maps/model-{model}_aug-{aug}_hemi-L_scores.shape.gii",
        R="<results>/maps/model-{model}_aug-{aug}_hemi-R_scores.shape.gii",
    log:
        "<logs>/score_maps/model-{model}_aug-{aug}.log",
    benchmark:
        "<benchmarks>/score_maps/model-{model}_aug-{aug}.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=maps_config,
        code=code_of("score_maps"),
    script:
        "../scripts/score_maps.py"


rule association_maps:
    """Map F of an augmentation, that of random texts, and the difference, averaged over listeners."""
    input:
        scores=model_effects,
        places=any_ceiling,
    output:
        L="<results>/maps/model-{model}_aug-{aug}_hemi-L_association.shape.gii",
        R="<results>/maps/model-{model}_aug-{aug}_hemi-R_association.shape.gii",
    log:
        "<logs>/association_maps/model-{model}_aug-{aug}.log",
    benchmark:
        "<benchmarks>/association_maps/model-{model}_aug-{aug}.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=maps_config,
        code=code_of("association_maps"),
    script:
        "../scripts/association_maps.py"


rule ceiling_maps:
    """Map the ceilings, averaged over stories."""
    input:
        ceilings=all_ceilings,
    output:
        L="<results>/maps/hemi-L_ceilings.shape.gii",
        R="<results>/maps/hemi-R_ceilings.shape.gii",
    log:
        "<logs>/ceiling_maps.log",
    benchmark:
        "<benchmarks>/ceiling_maps.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=ceiling_maps_config,
        code=code_of("ceiling_maps"),
    script:
        "../scripts/ceiling_maps.py"
