"""Parameter-efficient composition: a base model, a *language* module, a *ranking* module (Litschko et al. 2022).

names        ``BASE+LANGUAGE+RANKING``: a name that stands for all of them
module       what a module's folder holds: bottleneck adapters, a sparse difference, LoRA; and perhaps a head
hub          adapters' own layout (AdapterHub)
plain        ``module.json`` and ``module.safetensors``
weights      a checkpoint's tensors with the modules' changes
composed     the checkpoint that comes of it
"""
