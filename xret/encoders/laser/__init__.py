"""LASER2 and LASER3: folders of fairseq checkpoints, their languages and their tokeniser (see `layout`)."""
